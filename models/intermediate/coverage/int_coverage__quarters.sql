-- The quarters coverage speaks of: this one and the next two.
with as_of as (
    select
        as_of.as_of_date,
        calendar.quarter_index
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
)

select distinct
    calendar.fiscal_quarter as close_quarter,
    calendar.fiscal_quarter_start as close_quarter_start,
    calendar.next_quarter_start,
    calendar.quarter_index - as_of.quarter_index as horizon,
    as_of.as_of_date
from {{ ref('int_calendar') }} as calendar
inner join as_of on calendar.quarter_index - as_of.quarter_index between 0 and 2
