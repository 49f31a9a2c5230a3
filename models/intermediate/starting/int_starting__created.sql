-- Pipeline created in the 364 days up to each snapshot, as it was recorded then: an opportunity comes in
-- when it qualifies and goes out 52 weeks later.
with daily as (
    select
        cell_key,
        cast(moved_at as date) as created_on,
        cast({{ dbt.dateadd('day', 364, 'cast(moved_at as date)') }} as date) as goes_on,
        sum(amount_change) as amount
    from {{ ref('int_snapshots__movements') }}
    where movement = 'created'
    group by cell_key, cast(moved_at as date)
),

deltas as (
    select
        daily.cell_key,
        comes.next_number as snapshot_number,
        daily.amount
    from daily
    inner join {{ ref('int_snapshots__next') }} as comes on daily.created_on = comes.date_day and comes.next_number is not null
    union all
    select
        daily.cell_key,
        goes.next_number as snapshot_number,
        -daily.amount as amount
    from daily
    inner join {{ ref('int_snapshots__next') }} as goes on daily.goes_on = goes.date_day and goes.next_number is not null
),

grouped as (
    select
        cell_key,
        snapshot_number,
        sum(amount) as amount
    from deltas
    group by cell_key, snapshot_number
),

running as (
    select
        cell_key,
        snapshot_number as from_number,
        lead(snapshot_number) over (partition by cell_key order by snapshot_number) as to_number,
        sum(amount) over (partition by cell_key order by snapshot_number rows unbounded preceding) as amount
    from grouped
)

select
    days.snapshot_day,
    running.cell_key,
    cast(running.amount as decimal(28, 2)) as created_amount
from running
inner join {{ ref('int_snapshots__days') }} as days
    on running.from_number <= days.snapshot_number and (running.to_number > days.snapshot_number or running.to_number is null)
where running.amount <> 0
