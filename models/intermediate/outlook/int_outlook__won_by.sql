{#-
    The chance that an opportunity of a segment and deal type, open at its age in a stage it has not
    gone beyond, is won by the end of each of the months to come. It advances on some day, and is won within the
    days then left as those that had just reached the next stage were:

        P(won within d | open at age u) = sum over a > u of f(a) / S(u) * F(u + d - a)

    with f and S of the curve to the next stage and F that of the next stage to won; the next stage of
    the last is won. Methods: docs/methods/outlook.md.
-#}
{%- set kind = 'segment, deal_type, stage_number, age_days' -%}
{%- set next_month = dbt.dateadd('month', 1, 'calendar.fiscal_month') -%}

with curves as (
    select
        *,
        dense_rank() over (order by cell_level, segment, deal_type) as curve_cell
    from {{ ref('int_outlook__curves') }}
),

-- F of every stage, and of won itself.
onward as (
    select
        curve_cell,
        from_stage as stage_number,
        age_days,
        reach_days,
        advance_count,
        advanced_share as won_share
    from curves
    where to_stage = {{ var('won_stage') }}
    union all
    select distinct
        curve_cell,
        {{ var('won_stage') }} as stage_number,
        0 as age_days,
        0 as reach_days,
        {{ var('minimum_events') }} as advance_count,
        cast(1 as {{ type_double() }}) as won_share
    from curves
),

steps as (
    select
        curves.*,
        onward.reach_days as onward_reach_days,
        onward.advance_count as onward_advance_count
    from curves
    inner join onward
        on curves.curve_cell = onward.curve_cell and curves.to_stage = onward.stage_number and onward.age_days = 0
    where curves.is_next_stage
),

kinds as (
    select distinct {{ kind }} from {{ ref('int_outlook__open_deals') }}
),

-- The deepest level speaks at which enough were watched at that age and advanced later. An age beyond
-- the company's reach has no chance left.
candidates as (
    select
        kinds.segment,
        kinds.deal_type,
        kinds.stage_number,
        kinds.age_days,
        steps.cell_level,
        steps.curve_cell,
        steps.to_stage,
        steps.onward_reach_days,
        1 - steps.left_share as open_share,
        row_number() over (
            partition by kinds.segment, kinds.deal_type, kinds.stage_number, kinds.age_days
            order by case steps.cell_level when 'segment_deal_type' then 1 when 'segment' then 2 else 3 end
        ) as preference
    from kinds
    inner join steps
        on
            kinds.stage_number = steps.from_stage
            and kinds.age_days = steps.age_days
            and steps.segment in (kinds.segment, '*')
            and steps.deal_type in (kinds.deal_type, '*')
    where
        steps.cell_level = 'company'
        or (
            steps.watched_count >= {{ var('minimum_sample') }}
            and steps.later_advance_count >= {{ var('minimum_events') }}
            and steps.onward_advance_count >= {{ var('minimum_events') }}
        )
),

months as (
    select
        calendar.fiscal_month,
        {{ dbt.datediff('as_of.as_of_date', next_month, 'day') }} - 1 as days
    from {{ ref('int_calendar') }} as calendar
    cross join {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as today on as_of.as_of_date = today.date_day
    where
        calendar.date_day = calendar.fiscal_month
        and calendar.fiscal_month >= today.fiscal_month
        and calendar.quarter_index <= today.quarter_index + {{ var('real_pipeline_quarters') }}
),

-- One row for each later age at which an opportunity of the kind may advance.
advances as (
    select
        candidates.segment,
        candidates.deal_type,
        candidates.stage_number,
        candidates.age_days,
        candidates.cell_level,
        candidates.curve_cell,
        candidates.to_stage,
        candidates.onward_reach_days,
        steps.age_days - candidates.age_days as days,
        steps.incidence / candidates.open_share as chance
    from candidates
    inner join steps
        on
            candidates.curve_cell = steps.curve_cell
            and candidates.stage_number = steps.from_stage
            and candidates.age_days < steps.age_days
    where candidates.preference = 1 and candidates.open_share > 1e-9 and steps.incidence > 0
)

select
    advances.segment,
    advances.deal_type,
    advances.stage_number,
    advances.age_days,
    advances.cell_level as measured_level,
    months.fiscal_month,
    sum(advances.chance * onward.won_share) as won_share
from advances
inner join months on advances.days <= months.days
inner join onward
    on
        advances.curve_cell = onward.curve_cell
        and advances.to_stage = onward.stage_number
        and least(months.days - advances.days, advances.onward_reach_days) = onward.age_days
group by 1, 2, 3, 4, 5, 6
