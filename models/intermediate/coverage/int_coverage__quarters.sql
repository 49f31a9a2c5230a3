-- The quarters coverage speaks of at each snapshot: the one it lies in and the next two.
with quarters as (
    select distinct
        fiscal_quarter,
        fiscal_quarter_start,
        next_quarter_start,
        quarter_index
    from {{ ref('int_calendar') }}
)

select
    days.snapshot_day as as_of_date,
    days.quarter_index,
    days.is_latest,
    days.is_week_end,
    days.is_quarter_start,
    days.is_week3_day,
    quarters.fiscal_quarter as close_quarter,
    quarters.fiscal_quarter_start as close_quarter_start,
    quarters.next_quarter_start,
    quarters.quarter_index - days.quarter_index as horizon
from {{ ref('int_snapshots__days') }} as days
inner join quarters on days.quarter_index <= quarters.quarter_index and days.quarter_index >= quarters.quarter_index - 2
