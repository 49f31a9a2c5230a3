-- Dates that can be and days of the calendar are the same: a date without a day would be lost in joins.
with calendar as (
    select
        min(date_day) as first_day,
        max(date_day) as last_day,
        cast({{ dbt.dateadd('day', -1, 'min(date_day)') }} as date) as day_before,
        cast({{ dbt.dateadd('day', 1, 'max(date_day)') }} as date) as day_after,
        count(*) - {{ dbt.datediff('min(date_day)', 'max(date_day)', 'day') }} as days_too_many
    from {{ ref('int_calendar') }}
)

select *
from calendar
where
    days_too_many <> 1
    or not {{ is_possible_date('first_day') }}
    or not {{ is_possible_date('last_day') }}
    or not {{ is_impossible_date('day_before') }}
    or not {{ is_impossible_date('day_after') }}
