-- The months of a quarter add up to the quarter to date of its last month, created and target.
with quarters as (
    select
        plan_version,
        {{ cell() }},
        fiscal_quarter,
        max(fiscal_month) as last_month,
        sum(created_count) as created_count,
        sum(created_amount) as created_amount,
        sum(target_count) as target_count,
        sum(target_amount) as target_amount
    from {{ ref('pipeline_created_vs_target') }}
    group by plan_version, {{ cell() }}, fiscal_quarter
)

select
    quarters.*,
    last_months.qtd_created_count,
    last_months.qtd_created_amount,
    last_months.qtd_target_count,
    last_months.qtd_target_amount
from quarters
inner join {{ ref('pipeline_created_vs_target') }} as last_months
    on
        quarters.plan_version = last_months.plan_version
        and quarters.last_month = last_months.fiscal_month
        and {{ same_cell('quarters', 'last_months') }}
where
    quarters.created_count <> last_months.qtd_created_count
    or quarters.created_amount <> last_months.qtd_created_amount
    or coalesce(quarters.target_count, -1) <> coalesce(last_months.qtd_target_count, -1)
    or coalesce(quarters.target_amount, -1) <> coalesce(last_months.qtd_target_amount, -1)
