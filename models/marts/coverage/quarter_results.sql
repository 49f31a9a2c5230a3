{%- set levels = "('company', 'segment')" -%}
-- Each quarter that is over: its goal, what it started with, what it had in week 3, what it booked, and
-- when within it.
with periods as (
    select * from {{ ref('int_coverage__past_periods') }}
    where period_kind = 'quarter'
),

starts as (
    select
        close_quarter_start,
        cell_level,
        coalesce(segment, '*') as segment,
        open_amount_real as pipeline_start
    from {{ ref('pipeline_coverage') }}
    where is_quarter_start and horizon = 0 and cell_level in {{ levels }}
),

-- The goal and what was required of the quarter are those in force in its week 3.
week3 as (
    select
        close_quarter_start,
        cell_level,
        coalesce(segment, '*') as segment,
        bookings_goal,
        required_coverage,
        required_coverage_basis
    from {{ ref('pipeline_coverage') }}
    where is_week3_day and horizon = 0 and cell_level in {{ levels }}
),

converted as (
    select
        period_start,
        cell_level,
        coalesce(segment, '*') as segment,
        pipeline_week3,
        bookings,
        narrow_win_rate,
        slip_rate
    from {{ ref('week3_conversion') }}
    where period_kind = 'quarter' and cell_level in {{ levels }}
),

won as (
    select
        calendar.fiscal_quarter_start,
        attributes.segment,
        mod(calendar.month_number - 1, 3) + 1 as month_of_quarter,
        coalesce(current_state.amount, 0) as amount
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_calendar') }} as calendar on current_state.closed_on = calendar.date_day
    inner join {{ ref('int_opportunities__attributed') }} as attributes on current_state.opportunity_key = attributes.opportunity_key
    where current_state.outcome = 'won'
),

by_month as (
    select
        won.fiscal_quarter_start,
        levels.cell_level,
        case when levels.by_segment = 1 then won.segment else '*' end as segment,
        sum(case when won.month_of_quarter = 1 then won.amount else 0 end) as bookings_month_1,
        sum(case when won.month_of_quarter = 2 then won.amount else 0 end) as bookings_month_2,
        sum(case when won.month_of_quarter = 3 then won.amount else 0 end) as bookings_month_3
    from won
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in {{ levels }}
    group by 1, 2, 3
)

select
    periods.fiscal_quarter,
    periods.period_start as fiscal_quarter_start,
    cast(periods.quarter_index as integer) as quarter_index,
    converted.cell_level,
    nullif(converted.segment, '*') as segment,
    cast(week3.bookings_goal as decimal(28, 2)) as bookings_goal,
    cast(converted.bookings as decimal(28, 2)) as bookings,
    cast(coalesce(starts.pipeline_start, 0) as decimal(28, 2)) as pipeline_start,
    cast(converted.pipeline_week3 as decimal(28, 2)) as pipeline_week3,
    converted.narrow_win_rate,
    converted.slip_rate,
    cast(week3.required_coverage as decimal(8, 3)) as required_coverage,
    week3.required_coverage_basis,
    cast(policy.required_coverage as decimal(8, 3)) as target_coverage,
    cast(coalesce(by_month.bookings_month_1, 0) as decimal(28, 2)) as bookings_month_1,
    cast(coalesce(by_month.bookings_month_2, 0) as decimal(28, 2)) as bookings_month_2,
    cast(coalesce(by_month.bookings_month_3, 0) as decimal(28, 2)) as bookings_month_3
from converted
inner join periods on converted.period_start = periods.period_start
left join week3
    on
        converted.period_start = week3.close_quarter_start
        and converted.cell_level = week3.cell_level
        and converted.segment = week3.segment
left join starts
    on
        converted.period_start = starts.close_quarter_start
        and converted.cell_level = starts.cell_level
        and converted.segment = starts.segment
left join by_month
    on
        converted.period_start = by_month.fiscal_quarter_start
        and converted.cell_level = by_month.cell_level
        and converted.segment = by_month.segment
left join {{ ref('coverage_policy') }} as policy on policy.horizon = 0
