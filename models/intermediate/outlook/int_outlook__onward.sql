{#-
    The share of those that went on to a stage that is won so many days after, at every age up to the
    reach, by the pace at which they had come to it.
-#}
{%- set curve = 'cell_level, segment, deal_type, stage_number, pace' -%}
{%- set day_number = dbt.datediff(calendar_first_day(), 'date_day', 'day') -%}

with moves as (
    select
        cell_key,
        stage_number,
        pace,
        entry_age as age_days,
        passage_count as entered,
        0 as departed,
        'open' as outcome
    from {{ ref('int_outlook__passages') }}
    union all
    select
        cell_key,
        stage_number,
        pace,
        exit_age as age_days,
        0 as entered,
        passage_count as departed,
        outcome
    from {{ ref('int_outlook__passages') }}
),

splits as (
    select 0 as is_split
    union all
    select 1 as is_split
),

-- By pace, and all paces together as pace 0.
levelled as (
    select
        levels.cell_level,
        case when levels.by_segment = 1 then cells.segment else '*' end as segment,
        case when levels.by_deal_type = 1 then cells.deal_type else '*' end as deal_type,
        moves.stage_number,
        moves.pace * splits.is_split as pace,
        moves.age_days,
        moves.entered,
        moves.departed,
        moves.outcome
    from moves
    inner join {{ ref('int_cells') }} as cells on moves.cell_key = cells.cell_key
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment', 'segment_deal_type')
    cross join splits
),

counts as (
    select
        {{ curve }},
        age_days,
        cast(sum(entered) as {{ type_double() }}) as entered,
        cast(sum(departed) as {{ type_double() }}) as departed,
        cast(sum(case when outcome = 'won' then departed else 0 end) as {{ type_double() }}) as advanced,
        cast(sum(case when outcome = 'lost' then departed else 0 end) as {{ type_double() }}) as lost,
        cast(sum(case when outcome = 'derailed' then departed else 0 end) as {{ type_double() }}) as derailed
    from levelled
    group by {{ curve }}, age_days
),

{{ aalen_johansen('counts', curve) }},

reaches as (
    select
        {{ curve }},
        max(age_days) as reach_days,
        sum(advanced) as won_count
    from curves
    where at_risk_count >= {{ var('minimum_events') }}
    group by {{ curve }}
),

paces as (
    select distinct pace
    from {{ ref('int_outlook__curves') }}
),

-- Where too few of a pace were won, all of them speak for it.
chosen as (
    select
        whole.cell_level,
        whole.segment,
        whole.deal_type,
        whole.stage_number,
        paces.pace,
        whole.won_count,
        case when own.won_count >= {{ var('minimum_events') }} then own.pace else 0 end as curve_pace,
        case when own.won_count >= {{ var('minimum_events') }} then own.reach_days else whole.reach_days end as reach_days
    from reaches as whole
    cross join paces
    left join reaches as own
        on
            whole.cell_level = own.cell_level
            and whole.segment = own.segment
            and whole.deal_type = own.deal_type
            and whole.stage_number = own.stage_number
            and paces.pace = own.pace
    where whole.pace = 0
),

ages as (
    select {{ day_number }} as age_days
    from {{ ref('int_calendar') }}
)

select
    chosen.cell_level,
    chosen.segment,
    chosen.deal_type,
    chosen.stage_number,
    chosen.pace,
    cast(chosen.won_count as integer) as won_count,
    cast(chosen.reach_days as integer) as reach_days,
    cast(ages.age_days as integer) as age_days,
    -- between two ages at which something happened it stays as it was
    coalesce(
        max(curves.cumulative_incidence) over (
            partition by chosen.cell_level, chosen.segment, chosen.deal_type, chosen.stage_number, chosen.pace
            order by ages.age_days
        ),
        0
    ) as won_share
from chosen
inner join ages on chosen.reach_days >= ages.age_days
left join curves
    on
        chosen.cell_level = curves.cell_level
        and chosen.segment = curves.segment
        and chosen.deal_type = curves.deal_type
        and chosen.stage_number = curves.stage_number
        and chosen.curve_pace = curves.pace
        and ages.age_days = curves.age_days
