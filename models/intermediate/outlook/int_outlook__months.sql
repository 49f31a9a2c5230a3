-- The months yet to come, up to the last with a goal and at least to the end of the next outlook_quarters
-- quarters: how much of each is left, and how far away the middle of that is.
with as_of as (
    select
        as_of.as_of_date,
        calendar.fiscal_month,
        calendar.quarter_index
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

goals as (
    select max(fiscal_month) as last_month
    from {{ ref('int_goals') }}
),

days as (
    select
        calendar.fiscal_month,
        calendar.month_number,
        case when calendar.date_day > as_of.as_of_date then 1 else 0 end as is_left,
        {{ dbt.datediff('as_of.as_of_date', 'calendar.date_day', 'day') }} as days_ahead
    from {{ ref('int_calendar') }} as calendar
    inner join as_of on calendar.fiscal_month >= as_of.fiscal_month
    cross join goals
    where
        calendar.fiscal_month <= goals.last_month
        or calendar.quarter_index <= as_of.quarter_index + {{ var('outlook_quarters') }}
)

select
    fiscal_month,
    month_number,
    {{ ratio('sum(is_left)', 'count(*)') }} as share_left,
    coalesce({{ ratio('sum(is_left * (days_ahead - 0.5))', '365.25 * sum(is_left)') }}, 0) as years_ahead
from days
group by fiscal_month, month_number
