-- The snapshots with the quarter each looks towards, one and two ahead, and in how many weeks that one
-- starts. The last snapshot of a week stands for it where quarters are compared.
with days as (
    select * from {{ ref('int_snapshots__days') }}
),

close_quarters as (
    select distinct
        quarter_index,
        fiscal_quarter,
        fiscal_quarter_start
    from {{ ref('int_calendar') }}
),

starts_ahead as (
    select
        days.snapshot_day,
        close_quarters.quarter_index - days.quarter_index as horizon,
        close_quarters.quarter_index,
        close_quarters.fiscal_quarter as close_quarter,
        close_quarters.fiscal_quarter_start as close_quarter_start,
        {{ dbt.datediff('days.snapshot_day', 'close_quarters.fiscal_quarter_start', 'day') }} as days_to_start
    from days
    inner join close_quarters
        on days.quarter_index < close_quarters.quarter_index and days.quarter_index >= close_quarters.quarter_index - 2
),

ahead as (
    select
        *,
        ceil(days_to_start / 7.0) as weeks_to_start
    from starts_ahead
)

select
    ahead.snapshot_day,
    cast(ahead.horizon as integer) as horizon,
    ahead.quarter_index,
    ahead.close_quarter,
    ahead.close_quarter_start,
    cast(ahead.weeks_to_start as integer) as weeks_to_start,
    ahead.snapshot_day = max(ahead.snapshot_day) over (partition by ahead.quarter_index, ahead.weeks_to_start) as stands_for_week,
    starts.snapshot_day is not null as has_started
from ahead
left join days as starts on ahead.close_quarter_start = starts.snapshot_day
