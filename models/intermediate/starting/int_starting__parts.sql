-- The parts of a quarter's start, summed at every level that is published; a cell that has a goal and
-- nothing else has a start, too.
with goals as (
    select
        *,
        '*' as pipeline_source,
        '*' as custom_dimension
    from {{ ref('int_coverage__goals') }}
    where horizon > 0
),

levelled as (
    select
        facts.snapshot_day,
        facts.horizon,
        levels.cell_level,
        {{ cell_at_level('cells') }},
        facts.part,
        facts.base_amount,
        facts.landed_amount
    from {{ ref('int_starting__facts') }} as facts
    inner join {{ ref('int_cells') }} as cells on facts.cell_key = cells.cell_key
    inner join {{ ref('cell_levels') }} as levels on levels.is_published = 1 and levels.cell_level <> 'cell'
    union all
    select
        goals.as_of_date as snapshot_day,
        goals.horizon,
        levels.cell_level,
        {{ cell_at_level('goals') }},
        'created' as part,
        0 as base_amount,
        0 as landed_amount
    from goals
    inner join {{ ref('cell_levels') }} as levels
        on levels.is_published = 1 and levels.by_pipeline_source + levels.by_custom_dimension = 0
)

select
    snapshot_day,
    cast(horizon as integer) as horizon,
    cell_level,
    {{ cell() }},
    part,
    cast(sum(base_amount) as decimal(28, 2)) as base_amount,
    cast(sum(landed_amount) as decimal(28, 2)) as landed_amount
from levelled
group by snapshot_day, horizon, cell_level, {{ cell() }}, part
