{%- set trailing = 'over (partition by costs.cell_level, costs.segment order by costs.quarter_index rows between 3 preceding and current row)' -%}
-- Sums over the four quarters that end with each, taking of a cost and of what it is held against only the
-- quarters in which the cost is known.
select
    costs.cell_level,
    costs.segment,
    costs.fiscal_quarter_start,
    costs.quarter_index,
    {% for category in ['pipegen', 'sales', 'overhead'] -%}
    sum(costs.{{ category }}_cost) {{ trailing }} as {{ category }}_cost,
    sum(case when costs.{{ category }}_cost is not null then costs.new_arr end) {{ trailing }} as {{ category }}_new_arr,
    {% endfor -%}
    count(costs.pipegen_cost) {{ trailing }} as cost_quarter_count,
    sum(case when costs.pipegen_cost is not null then costs.created_count end) {{ trailing }} as created_count,
    sum(case when costs.pipegen_cost is not null then costs.created_amount end) {{ trailing }} as created_amount,
    sum(case when costs.pipegen_cost is not null then costs.costed_count end) {{ trailing }} as costed_count,
    sum(people.ramped_aes) {{ trailing }} as ae_quarters,
    sum(case when people.ramped_aes > 0 then costs.new_arr end) {{ trailing }} as ae_new_arr
from {{ ref('int_costs__quarters') }} as costs
left join {{ ref('int_headcount__quarters') }} as people
    on
        costs.fiscal_quarter_start = people.fiscal_quarter_start
        and costs.cell_level = people.cell_level
        and costs.segment = people.segment
