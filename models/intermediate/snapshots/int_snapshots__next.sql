-- For every day the first snapshot that knows of what happens on it.
select
    calendar.date_day,
    calendar.fiscal_quarter_start,
    calendar.quarter_index,
    cast(min(days.snapshot_number) over (order by calendar.date_day desc rows unbounded preceding) as integer) as next_number
from {{ ref('int_calendar') }} as calendar
left join {{ ref('int_snapshots__days') }} as days on calendar.date_day = days.snapshot_day
