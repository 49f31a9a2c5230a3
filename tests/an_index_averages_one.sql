-- The months of an index average 1: the plain mean of creation, the mean by expected wins of closing.
-- A segment too young for an index of its own has the company's, which averages 1 by the company's wins.
with indices as (
    select
        *,
        case when effect = 'creation' then 1 else expected end as month_weight
    from {{ ref('int_seasonality__indices') }}
    where quarters_observed >= {{ var('seasonality_minimum_quarters') }} or is_neutral
)

select
    effect,
    cell_level,
    {{ cell() }},
    sum(month_weight * value) / sum(month_weight) as mean_value,
    count(*) as months
from indices
group by effect, cell_level, {{ cell() }}
having count(*) <> 12 or abs(sum(month_weight * value) / nullif(sum(month_weight), 0) - 1) > 1e-9
