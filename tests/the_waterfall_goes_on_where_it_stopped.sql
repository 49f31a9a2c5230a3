-- Every week opens with what the week before closed with, and while something is open no week is missing.
with weeks as (
    select
        week_start,
        lead(week_start) over (order by week_start) as next_week_start
    from (select distinct week_start from {{ ref('int_snapshots__days') }}) as distinct_weeks
),

sequenced as (
    select
        waterfall.*,
        lag(waterfall.closing) over (partition by waterfall.close_quarter, {{ cell() }} order by waterfall.week_start) as previous_closing,
        lag(waterfall.closing_count) over (partition by waterfall.close_quarter, {{ cell() }} order by waterfall.week_start) as previous_closing_count,
        lead(waterfall.week_start) over (partition by waterfall.close_quarter, {{ cell() }} order by waterfall.week_start) as following_week_start
    from {{ ref('pipeline_waterfall') }} as waterfall
)

select sequenced.*
from sequenced
inner join weeks on sequenced.week_start = weeks.week_start
where
    sequenced.opening <> coalesce(sequenced.previous_closing, 0)
    or sequenced.opening_count <> coalesce(sequenced.previous_closing_count, 0)
    or (
        sequenced.closing_count > 0
        and weeks.next_week_start is not null
        and coalesce(sequenced.following_week_start <> weeks.next_week_start, true)
    )
