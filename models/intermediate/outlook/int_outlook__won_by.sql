{#-
    The chance that an opportunity, open at its age in a stage it has not gone beyond, is won by the
    end of each of the months to come. It advances on some day, and is won within the days then left as
    those were that had taken as long to the next stage:

        P(won within d | open at age u) = sum over a > u of f(a) / S(u) * F(u + d - a)

    with f and S of the curve to the next stage and F that of the next stage to won, by pace; the next
    stage of the last is won. Methods: docs/methods/outlook.md.
-#}
{%- set next_month = dbt.dateadd('month', 1, 'calendar.fiscal_month') -%}

-- The many rows below are joined by numbers, not by words.
with curve_cells as (
    select distinct
        cell_level,
        segment,
        deal_type,
        dense_rank() over (order by cell_level, segment, deal_type) as curve_cell
    from {{ ref('int_outlook__curves') }}
),

onward as (
    select
        curve_cells.curve_cell,
        onward.stage_number,
        onward.pace,
        onward.age_days,
        onward.reach_days,
        onward.won_share
    from {{ ref('int_outlook__onward') }} as onward
    inner join curve_cells
        on
            onward.cell_level = curve_cells.cell_level
            and onward.segment = curve_cells.segment
            and onward.deal_type = curve_cells.deal_type
),

steps as (
    select
        curve_cells.curve_cell,
        curves.from_stage,
        curves.to_stage,
        curves.age_days,
        curves.pace,
        curves.incidence,
        coalesce(onward.reach_days, 0) as onward_reach_days
    from {{ ref('int_outlook__curves') }} as curves
    inner join curve_cells
        on
            curves.cell_level = curve_cells.cell_level
            and curves.segment = curve_cells.segment
            and curves.deal_type = curve_cells.deal_type
    left join onward
        on
            curve_cells.curve_cell = onward.curve_cell
            and curves.to_stage = onward.stage_number
            and curves.pace = onward.pace
            and onward.age_days = 0
    where curves.incidence > 0
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
        kinds.segment,
        kinds.deal_type,
        kinds.stage_number,
        kinds.age_days,
        kinds.measured_level,
        steps.curve_cell,
        steps.to_stage,
        steps.pace,
        steps.onward_reach_days,
        steps.age_days - kinds.age_days as days,
        steps.incidence / kinds.open_share as chance
    from {{ ref('int_outlook__kinds') }} as kinds
    inner join curve_cells
        on
            kinds.measured_level = curve_cells.cell_level
            and kinds.level_segment = curve_cells.segment
            and kinds.level_deal_type = curve_cells.deal_type
    inner join steps
        on
            curve_cells.curve_cell = steps.curve_cell
            and kinds.stage_number = steps.from_stage
            and kinds.age_days < steps.age_days
)

select
    advances.segment,
    advances.deal_type,
    advances.stage_number,
    advances.age_days,
    advances.measured_level,
    months.fiscal_month,
    -- whoever advances to won is won at once
    sum(advances.chance * case when advances.to_stage = {{ var('won_stage') }} then 1 else coalesce(onward.won_share, 0) end)
        as won_share
from advances
inner join months on advances.days <= months.days
left join onward
    on
        advances.curve_cell = onward.curve_cell
        and advances.to_stage = onward.stage_number
        and advances.pace = onward.pace
        and least(months.days - advances.days, advances.onward_reach_days) = onward.age_days
group by 1, 2, 3, 4, 5, 6
