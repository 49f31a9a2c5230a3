-- The twelve months of an index average 1, and none is missing.
select
    effect,
    cell_level,
    {{ cell() }},
    avg(value) as mean_value,
    count(*) as months
from {{ ref('int_seasonality__indices') }}
group by effect, cell_level, {{ cell() }}
having count(*) <> 12 or abs(avg(value) - 1) > 1e-9
