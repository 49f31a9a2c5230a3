-- Rows of the plan in force may be summed without naming a plan: each month × cell has exactly one.
select
    fiscal_month,
    {{ cell() }}
from {{ ref('pipeline_created_vs_target') }}
group by fiscal_month, {{ cell() }}
having sum(case when is_plan_in_force then 1 else 0 end) <> 1
