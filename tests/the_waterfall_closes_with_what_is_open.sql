-- Movements and snapshots are two ways through the history: they meet at the end of every week.
with closing as (
    select
        week_start,
        close_quarter_start,
        {{ cell() }},
        closing,
        closing_count
    from {{ ref('pipeline_waterfall') }}
    where closing_count > 0
),

standing as (
    select
        days.week_start,
        pipeline.close_quarter_start,
        {{ cell('cells') }},
        sum(pipeline.open_amount_raw) as open_amount,
        sum(pipeline.open_count_raw) as open_count
    from {{ ref('int_snapshots__pipeline') }} as pipeline
    inner join {{ ref('int_snapshots__days') }} as days
        on pipeline.snapshot_day = days.snapshot_day and (days.is_week_end or days.is_latest)
    inner join {{ ref('int_cells') }} as cells on pipeline.cell_key = cells.cell_key
    where pipeline.open_count_raw > 0
    group by days.week_start, pipeline.close_quarter_start, {{ cell('cells') }}
)

select
    closing.*,
    standing.*
from closing
full outer join standing
    on
        closing.week_start = standing.week_start
        and coalesce(closing.close_quarter_start, cast('1900-01-01' as date)) = coalesce(standing.close_quarter_start, cast('1900-01-01' as date))
        and {{ same_cell('closing', 'standing') }}
where
    closing.week_start is null
    or standing.week_start is null
    or closing.closing <> standing.open_amount
    or closing.closing_count <> standing.open_count
