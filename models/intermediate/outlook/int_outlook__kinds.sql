-- Opportunities that are open at one age in one stage have the same chances. The deepest level speaks
-- for them at which enough were watched at that age and went on later, and enough of those that went on
-- were won; for an age beyond the company's reach nobody does.
with kinds as (
    select distinct
        segment,
        deal_type,
        stage_number,
        age_days
    from {{ ref('int_outlook__open_deals') }}
),

wins as (
    select
        cell_level,
        segment,
        deal_type,
        stage_number,
        max(won_count) as won_count
    from {{ ref('int_outlook__onward') }}
    group by cell_level, segment, deal_type, stage_number
),

candidates as (
    select
        kinds.segment,
        kinds.deal_type,
        kinds.stage_number,
        kinds.age_days,
        curves.cell_level,
        curves.segment as level_segment,
        curves.deal_type as level_deal_type,
        1 - curves.left_share as open_share,
        row_number() over (
            partition by kinds.segment, kinds.deal_type, kinds.stage_number, kinds.age_days
            order by case curves.cell_level when 'segment_deal_type' then 1 when 'segment' then 2 else 3 end
        ) as preference
    from kinds
    inner join {{ ref('int_outlook__curves') }} as curves
        on
            kinds.stage_number = curves.from_stage
            and kinds.age_days = curves.age_days
            and curves.segment in (kinds.segment, '*')
            and curves.deal_type in (kinds.deal_type, '*')
    left join wins
        on
            curves.cell_level = wins.cell_level
            and curves.segment = wins.segment
            and curves.deal_type = wins.deal_type
            and curves.to_stage = wins.stage_number
    where
        curves.cell_level = 'company'
        or (
            curves.watched_count >= {{ var('minimum_sample') }}
            and curves.later_advance_count >= {{ var('minimum_events') }}
            and (curves.to_stage = {{ var('won_stage') }} or wins.won_count >= {{ var('minimum_events') }})
        )
)

select
    segment,
    deal_type,
    stage_number,
    age_days,
    cell_level as measured_level,
    level_segment,
    level_deal_type,
    open_share
from candidates
-- once all have left, a rounding error is no share
where preference = 1 and open_share > 1e-9
