-- What the segments cost is what the company costs, in every quarter in which something was created or sold.
with segments as (
    select
        fiscal_quarter_start,
        sum(created_count) as created_count,
        sum(new_arr) as new_arr,
        sum(pipegen_cost) as pipegen_cost,
        sum(sales_cost) as sales_cost,
        sum(overhead_cost) as overhead_cost,
        min(case when created_count > 0 then 1.0 * costed_count / created_count end) as least_costed
    from {{ ref('int_costs__quarters') }}
    where cell_level = 'segment'
    group by fiscal_quarter_start
)

select
    companies.fiscal_quarter_start,
    companies.created_count - segments.created_count as created_count,
    companies.new_arr - segments.new_arr as new_arr,
    companies.pipegen_cost - segments.pipegen_cost as pipegen_cost,
    companies.sales_cost - segments.sales_cost as sales_cost,
    companies.overhead_cost - segments.overhead_cost as overhead_cost
from {{ ref('int_costs__quarters') }} as companies
inner join segments on companies.fiscal_quarter_start = segments.fiscal_quarter_start
where
    companies.cell_level = 'company'
    and (
        companies.created_count <> segments.created_count
        or companies.new_arr <> segments.new_arr
        or (companies.new_arr > 0 and abs(companies.sales_cost - segments.sales_cost) > 0.01)
        or (companies.new_arr > 0 and abs(companies.overhead_cost - segments.overhead_cost) > 0.01)
        -- where a cost is made up for a few, they cost the mean of whom they are counted with
        or (companies.created_count > 0 and segments.least_costed = 1 and abs(companies.pipegen_cost - segments.pipegen_cost) > 0.01)
    )
