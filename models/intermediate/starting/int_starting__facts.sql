-- What a quarter's start is made of, seen from the snapshots of the two quarters before: how much was
-- there in each part, and how much of the start came of it.
with days as (
    select * from {{ ref('int_snapshots__days') }}
),

horizons as (
    select 1 as horizon
    union all
    select 2 as horizon
),

close_quarters as (
    select distinct
        fiscal_quarter_start,
        quarter_index
    from {{ ref('int_calendar') }}
),

standing as (
    select
        pipeline.snapshot_day,
        days.quarter_index,
        close_quarters.quarter_index as close_index,
        pipeline.cell_key,
        sum(pipeline.open_amount_real) as real_amount,
        sum(pipeline.open_amount_raw - pipeline.open_amount_real) as other_amount
    from {{ ref('int_snapshots__pipeline') }} as pipeline
    inner join days on pipeline.snapshot_day = days.snapshot_day
    left join close_quarters on pipeline.close_quarter_start = close_quarters.fiscal_quarter_start
    group by pipeline.snapshot_day, days.quarter_index, close_quarters.quarter_index, pipeline.cell_key
),

started as (
    select
        starts.quarter_index,
        pipeline.cell_key,
        sum(pipeline.open_amount_real) as start_amount
    from {{ ref('int_snapshots__pipeline') }} as pipeline
    inner join days as starts
        on
            pipeline.snapshot_day = starts.snapshot_day
            and pipeline.close_quarter_start = starts.fiscal_quarter_start
            and starts.is_quarter_start
    group by starts.quarter_index, pipeline.cell_key
),

facts as (
    select
        standing.snapshot_day,
        horizons.horizon,
        standing.cell_key,
        {{ coverage_part('standing.close_index - standing.quarter_index - horizons.horizon') }} as part,
        standing.real_amount as base_amount,
        0 as landed_amount
    from standing
    cross join horizons
    where standing.close_index is not null
    union all
    select
        standing.snapshot_day,
        horizons.horizon,
        standing.cell_key,
        'not_real' as part,
        standing.other_amount as base_amount,
        0 as landed_amount
    from standing
    cross join horizons
    union all
    select
        created.snapshot_day,
        horizons.horizon,
        created.cell_key,
        'created' as part,
        created.created_amount as base_amount,
        0 as landed_amount
    from {{ ref('int_starting__created') }} as created
    cross join horizons
    union all
    select
        snapshot_day,
        horizon,
        cell_key,
        part,
        0 as base_amount,
        kept_amount as landed_amount
    from {{ ref('int_starting__kept') }}
    union all
    -- What was not there yet is what it started with, less what was.
    select
        snapshot_day,
        horizon,
        cell_key,
        'created' as part,
        0 as base_amount,
        -kept_amount as landed_amount
    from {{ ref('int_starting__kept') }}
    union all
    select
        days.snapshot_day,
        horizons.horizon,
        started.cell_key,
        'created' as part,
        0 as base_amount,
        started.start_amount as landed_amount
    from started
    cross join horizons
    inner join days on started.quarter_index - horizons.horizon = days.quarter_index
)

select
    snapshot_day,
    cast(horizon as integer) as horizon,
    cell_key,
    part,
    cast(sum(base_amount) as decimal(28, 2)) as base_amount,
    cast(sum(landed_amount) as decimal(28, 2)) as landed_amount
from facts
group by snapshot_day, horizon, cell_key, part
