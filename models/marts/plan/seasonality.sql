with as_of as (
    select as_of_date from {{ ref('int_as_of') }}
)

select
    indices.effect,
    indices.cell_level,
    {{ published_cell('indices') }},
    indices.fiscal_month_of_year,
    indices.value,
    indices.raw_value,
    indices.lower,
    indices.upper,
    indices.n,
    indices.expected,
    indices.quarters_observed,
    indices.is_neutral,
    as_of.as_of_date
from {{ ref('int_seasonality__indices') }} as indices
cross join as_of
