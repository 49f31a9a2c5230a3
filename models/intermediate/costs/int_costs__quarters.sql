{%- set double = type_double() -%}
{%- set new_arr_types = "'" ~ (['all'] + var('new_arr_deal_types')) | join("', '") ~ "'" -%}
-- What pipeline and selling cost in each quarter that is over, and what was booked for it.
with quarters as (
    select
        period_start as fiscal_quarter_start,
        quarter_index
    from {{ ref('int_coverage__past_periods') }}
    where period_kind = 'quarter'
),

facts as (
    select
        fiscal_quarter_start,
        segment,
        created_count,
        created_amount,
        cost,
        case when cost is not null then created_count else 0 end as costed_count,
        0 as new_arr
    from {{ ref('int_costs__pipeline_generation') }}
    union all
    select
        calendar.fiscal_quarter_start,
        attributes.segment,
        0 as created_count,
        0 as created_amount,
        0 as cost,
        0 as costed_count,
        coalesce(current_state.amount, 0) as new_arr
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_calendar') }} as calendar on current_state.closed_on = calendar.date_day
    where
        current_state.outcome = 'won'
        and attributes.deal_type in ({{ new_arr_types }})
),

levels as (
    select 'segment' as cell_level
    union all
    select 'company' as cell_level
),

cells as (
    select distinct
        levels.cell_level,
        case levels.cell_level when 'segment' then facts.segment else '*' end as segment
    from facts
    cross join levels
    where facts.segment <> 'unallocated' or levels.cell_level = 'company'
),

summed as (
    select
        facts.fiscal_quarter_start,
        levels.cell_level,
        case levels.cell_level when 'segment' then facts.segment else '*' end as segment,
        sum(facts.created_count) as created_count,
        sum(facts.created_amount) as created_amount,
        sum(facts.costed_count) as costed_count,
        -- the few whose cost nobody knows cost what the others do
        case
            when sum(facts.created_count) = 0 then sum(facts.cost)
            when sum(facts.costed_count) >= {{ var('cost_minimum_share') }} * sum(facts.created_count)
                then sum(facts.cost) * {{ ratio('sum(facts.created_count)', 'sum(facts.costed_count)') }}
        end as pipegen_cost,
        sum(facts.new_arr) as new_arr
    from facts
    cross join levels
    group by 1, 2, 3
),

booked as (
    select
        calendar.fiscal_quarter_start,
        {{ 'costs.segment' if 'segment' in var('plan_dimensions') else "'all'" }} as segment,
        costs.category,
        costs.fiscal_month,
        costs.amount
    from {{ ref('costs') }} as costs
    inner join {{ ref('int_calendar') }} as calendar on costs.fiscal_month = calendar.date_day
),

own as (
    select
        fiscal_quarter_start,
        segment,
        sum(case when category = 'sales' then amount else 0 end) as sales_cost,
        sum(case when category = 'overhead' then amount else 0 end) as overhead_cost
    from booked
    where segment is not null
    group by fiscal_quarter_start, segment
),

whole as (
    select
        fiscal_quarter_start,
        count(distinct case when category = 'sales' then fiscal_month end) as sales_months,
        sum(case when category = 'sales' then amount else 0 end) as sales_cost,
        sum(case when category = 'sales' and segment is null then amount else 0 end) as sales_shared,
        count(distinct case when category = 'overhead' then fiscal_month end) as overhead_months,
        sum(case when category = 'overhead' then amount else 0 end) as overhead_cost,
        sum(case when category = 'overhead' and segment is null then amount else 0 end) as overhead_shared
    from booked
    group by fiscal_quarter_start
)

-- What no segment is named for bears on every dollar of new ARR alike.
select
    cells.cell_level,
    cells.segment,
    quarters.fiscal_quarter_start,
    quarters.quarter_index,
    coalesce(summed.created_count, 0) as created_count,
    coalesce(summed.created_amount, 0) as created_amount,
    coalesce(summed.costed_count, 0) as costed_count,
    case when summed.segment is null then 0 else summed.pipegen_cost end as pipegen_cost,
    coalesce(summed.new_arr, 0) as new_arr,
    case
        when coalesce(whole.sales_months, 0) < 3 then null
        when cells.cell_level = 'company' then cast(whole.sales_cost as {{ double }})
        else coalesce(own.sales_cost, 0) + whole.sales_shared * coalesce({{ ratio('summed.new_arr', 'companies.new_arr') }}, 0)
    end as sales_cost,
    case
        when coalesce(whole.overhead_months, 0) < 3 then null
        when cells.cell_level = 'company' then cast(whole.overhead_cost as {{ double }})
        else coalesce(own.overhead_cost, 0) + whole.overhead_shared * coalesce({{ ratio('summed.new_arr', 'companies.new_arr') }}, 0)
    end as overhead_cost
from cells
cross join quarters
left join summed
    on
        quarters.fiscal_quarter_start = summed.fiscal_quarter_start
        and cells.cell_level = summed.cell_level
        and cells.segment = summed.segment
left join summed as companies
    on quarters.fiscal_quarter_start = companies.fiscal_quarter_start and companies.cell_level = 'company'
left join own on quarters.fiscal_quarter_start = own.fiscal_quarter_start and cells.segment = own.segment
left join whole on quarters.fiscal_quarter_start = whole.fiscal_quarter_start
