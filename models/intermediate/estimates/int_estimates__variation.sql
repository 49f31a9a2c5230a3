-- How much won amounts differ from deal to deal: of the cell's segment and deal type, which have deals
-- enough to tell, else of the company.
with cells as (
    select distinct {{ cell() }}
    from {{ ref('int_estimates__chosen') }}
),

-- n times the squared error of the mean is the variance of one.
measured as (
    select
        cell_level,
        {{ cell() }},
        n,
        sqrt(n) * std_error / value as variation
    from {{ ref('int_estimates__measured') }}
    where
        parameter = 'won_amount'
        and estimation_window = 'all_time'
        and value > 0
        and std_error is not null
        and (cell_level = 'company' or (cell_level = 'segment_deal_type' and n >= {{ var('minimum_sample') }}))
),

company as (
    select * from measured
    where cell_level = 'company'
)

select
    {{ cell('cells') }},
    'won_amount_variation' as parameter,
    cast(null as integer) as month_number,
    'ratio' as unit,
    'coefficient_of_variation' as method,
    'none' as shrinkage,
    coalesce(own.cell_level, company.cell_level) as measured_level,
    'company' as source_level,
    coalesce(own.variation, company.variation) as own_value,
    cast(coalesce(own.n, company.n) as integer) as own_n,
    company.variation as parent_value,
    coalesce(own.variation, company.variation) as measured_value
from cells
cross join company
left join measured as own
    on
        own.cell_level = 'segment_deal_type'
        and cells.segment = own.segment
        and cells.deal_type = own.deal_type
