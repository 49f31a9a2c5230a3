-- What came of each target: one select a target, those that the mart forecasts has. Of bookings and
-- pipeline created in quarters that are over, of starting pipeline in quarters that have begun.
select
    'bookings' as measure,
    fiscal_quarter,
    fiscal_quarter_start,
    cell_level,
    segment,
    booked_amount as actual
from {{ ref('int_accuracy__quarters') }}
where is_over
union all
select
    'pipeline_created' as measure,
    fiscal_quarter,
    fiscal_quarter_start,
    cell_level,
    segment,
    created_amount as actual
from {{ ref('int_accuracy__quarters') }}
where is_over
union all
select
    'starting_pipeline' as measure,
    fiscal_quarter,
    fiscal_quarter_start,
    cell_level,
    segment,
    start_amount as actual
from {{ ref('int_accuracy__quarters') }}
where start_amount is not null
