-- The seasonal indices of every planning cell: its segment's, else the company's.
with cells as (
    select distinct {{ cell() }}
    from {{ ref('int_estimates__chosen') }}
),

indices as (
    select * from {{ ref('int_seasonality__indices') }}
),

company as (
    select * from indices
    where cell_level = 'company'
)

select
    {{ cell('cells') }},
    company.effect || '_seasonality' as parameter,
    company.fiscal_month_of_year as month_number,
    'index' as unit,
    case company.effect when 'creation' then 'ratio_to_moving_average' else 'observed_over_expected' end as method,
    'gamma_poisson' as shrinkage,
    coalesce(segments.cell_level, 'company') as measured_level,
    'company' as source_level,
    coalesce(segments.raw_value, company.raw_value, 1) as own_value,
    coalesce(segments.n, company.n) as own_n,
    case when segments.cell_level is not null then company.value else 1 end as parent_value,
    coalesce(segments.value, company.value) as measured_value,
    coalesce(segments.lower, company.lower) as lower,
    coalesce(segments.upper, company.upper) as upper
from cells
cross join company
left join indices as segments
    on
        segments.cell_level = 'segment'
        and cells.segment = segments.segment
        and company.effect = segments.effect
        and company.fiscal_month_of_year = segments.fiscal_month_of_year
