{%- set as_period = {
    'quarter': ('fiscal_quarter_start', 'next_quarter_start', 'calendar.quarter_index', 'day_of_quarter', var('week3_day')),
    'month': ('fiscal_month', 'next_month_start', 'calendar.fiscal_year * 12 + calendar.month_number', 'day_of_month', var('month_snapshot_day')),
} -%}
-- The quarters that are over, and the months where they are asked for, with the day on which their
-- pipeline is taken.
with days as (
    select
        calendar.*,
        cast({{ dbt.dateadd('month', 1, 'calendar.fiscal_month') }} as date) as next_month_start,
        {{ dbt.datediff('calendar.fiscal_month', 'calendar.date_day', 'day') }} + 1 as day_of_month
    from {{ ref('int_calendar') }} as calendar
)

{% for kind in var('conversion_periods') -%}
{%- set starts_on, ends_before, index, day, snapshot_day = as_period[kind] -%}
select
    '{{ kind }}' as period_kind,
    calendar.{{ starts_on }} as period_start,
    calendar.{{ ends_before }} as ends_before,
    {{ index }} as period_index,
    calendar.quarter_index,
    calendar.fiscal_quarter,
    calendar.fiscal_quarter_start,
    snapshots.snapshot_day,
    snapshots.snapshot_number
from days as calendar
inner join {{ ref('int_snapshots__days') }} as snapshots on calendar.date_day = snapshots.snapshot_day
inner join {{ ref('int_as_of') }} as as_of on calendar.{{ ends_before }} <= cast(as_of.known_before as date)
where calendar.{{ day }} = {{ snapshot_day }}
{% if not loop.last %}union all{% endif %}
{% endfor -%}
