-- Of what was created in as many weeks before the quarters that have started as are left today: how much
-- each started with, by segment, deal type and source.
with ahead as (
    select weeks.*
    from {{ ref('int_starting__weeks') }} as weeks
    inner join {{ ref('int_as_of') }} as as_of on weeks.snapshot_day = as_of.as_of_date
),

-- From the end of the snapshot to the end of the quarter's first day.
spans as (
    select
        ahead.horizon,
        past.quarter_index,
        past.snapshot_day as created_after,
        past.close_quarter_start,
        starts.snapshot_number as start_number
    from ahead
    inner join {{ ref('int_starting__weeks') }} as past
        on
            ahead.weeks_to_start = past.weeks_to_start
            and past.stands_for_week
            and past.has_started
            and ahead.quarter_index - past.quarter_index <= {{ var('starting_trailing_quarters') }} + ahead.horizon - 1
    inner join {{ ref('int_snapshots__days') }} as starts on past.close_quarter_start = starts.snapshot_day
),

created as (
    select
        spans.horizon,
        spans.quarter_index,
        cells.segment,
        cells.deal_type,
        cells.pipeline_source,
        movements.amount_change as created_amount,
        coalesce(spells.amount, 0) as landed_amount
    from {{ ref('int_snapshots__movements') }} as movements
    inner join spans
        on
            cast(movements.moved_at as date) > spans.created_after
            and cast(movements.moved_at as date) <= spans.close_quarter_start
    inner join {{ ref('int_cells') }} as cells on movements.cell_key = cells.cell_key
    left join {{ ref('int_snapshots__spells') }} as spells
        on
            movements.opportunity_key = spells.opportunity_key
            and spans.close_quarter_start = spells.close_quarter_start
            and spans.start_number >= spells.real_from_number
            and spans.start_number < spells.real_to_number
    where movements.movement = 'created'
),

levelled as (
    select
        created.horizon,
        created.quarter_index,
        levels.cell_level,
        case when levels.by_segment = 1 then created.segment else '*' end as segment,
        case when levels.by_deal_type = 1 then created.deal_type else '*' end as deal_type,
        created.pipeline_source,
        created.created_amount,
        created.landed_amount
    from created
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment', 'segment_deal_type')
)

select
    horizon,
    cell_level,
    segment,
    deal_type,
    pipeline_source,
    cast(count(distinct quarter_index) as integer) as quarter_count,
    cast(count(*) as integer) as created_count,
    cast(sum(created_amount) as decimal(28, 2)) as created_amount,
    cast(sum(landed_amount) as decimal(28, 2)) as landed_amount
from levelled
group by horizon, cell_level, segment, deal_type, pipeline_source
