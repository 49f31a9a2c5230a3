{%- set month_day = var('month_snapshot_day') if 'month' in var('conversion_periods') else none -%}
-- The days at whose end the pipeline is looked at, counted from 1.
with as_of as (
    select as_of_date from {{ ref('int_as_of') }}
),

-- There is nothing to look at before the quarter in which the first opportunity qualified.
first_day as (
    select coalesce(cast(min(current_state.qualified_at) as date), max(as_of.as_of_date)) as first_day
    from as_of
    left join {{ ref('int_opportunities__current') }} as current_state on current_state.qualified_at is not null
),

days as (
    select
        date_day,
        week_start,
        fiscal_month,
        fiscal_quarter,
        fiscal_quarter_start,
        next_quarter_start,
        quarter_index,
        day_of_quarter,
        lead(week_start) over (order by date_day) <> week_start as is_week_end
    from {{ ref('int_calendar') }}
)

select
    days.date_day as snapshot_day,
    cast(row_number() over (order by days.date_day) as integer) as snapshot_number,
    days.week_start,
    days.fiscal_quarter,
    days.fiscal_quarter_start,
    days.next_quarter_start,
    days.quarter_index,
    days.is_week_end,
    days.day_of_quarter = 1 as is_quarter_start,
    days.day_of_quarter = {{ var('week3_day') }} as is_week3_day,
    days.date_day = as_of.as_of_date as is_latest
from days
cross join as_of
inner join first_day on days.next_quarter_start > first_day.first_day
where
    days.date_day <= as_of.as_of_date
    and (
        days.is_week_end
        or days.day_of_quarter in (1, {{ var('week3_day') }})
        {%- if month_day %}
            or {{ dbt.datediff('days.fiscal_month', 'days.date_day', 'day') }} = {{ month_day - 1 }}
        {%- endif %}
        or days.date_day = as_of.as_of_date
    )
