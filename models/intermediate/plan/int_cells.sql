-- Every cell that anything is counted under, by its key.
with cells as (
    select
        cell_key,
        {{ cell() }}
    from {{ ref('int_opportunities__attributed') }}
    union all
    select
        cell_key,
        {{ cell() }}
    from {{ ref('int_lead_channels') }}
)

select distinct
    cell_key,
    {{ cell() }}
from cells
