{%- set categories = ['pipegen', 'sales', 'overhead'] -%}
with quarters as (
    select
        coverage.as_of_date,
        coverage.close_quarter,
        coverage.close_quarter_start,
        coverage.horizon,
        snapshots.quarter_index,
        coverage.cell_level,
        coalesce(coverage.segment, '*') as segment,
        coverage.required_coverage,
        coverage.required_coverage_basis
    from {{ ref('pipeline_coverage') }} as coverage
    inner join {{ ref('int_coverage__quarters') }} as snapshots
        on coverage.as_of_date = snapshots.as_of_date and coverage.horizon = snapshots.horizon
    where
        coverage.cell_level in ('company', 'segment')
        and ((coverage.is_quarter_start and coverage.horizon = 0) or (coverage.is_latest and coverage.horizon > 0))
),

-- The rate as it is behind the required coverage of the row; an unmeasured one is not known.
measured as (
    select
        cell_level,
        coalesce(segment, '*') as segment,
        quarter_index + 1 as quarter_index,
        trailing_conversion
    from {{ ref('week3_conversion') }}
    where period_kind = 'quarter' and cell_level in ('company', 'segment') and is_measured
),

joined as (
    select
        quarters.as_of_date,
        quarters.close_quarter,
        quarters.close_quarter_start,
        quarters.horizon,
        quarters.cell_level,
        quarters.segment,
        quarters.required_coverage_basis,
        measured.trailing_conversion as conversion,
        coalesce(1 / nullif(measured.trailing_conversion, 0), quarters.required_coverage) as required_coverage,
        costs.cost_quarter_count,
        costs.created_count,
        costs.costed_count,
        {{ ratio('costs.pipegen_cost', 'costs.created_count') }} as cost_per_opportunity,
        {{ ratio('costs.created_amount', 'costs.created_count') }} as amount_per_opportunity,
        {% for category in categories -%}
        costs.{{ category }}_cost,
        {{ ratio('costs.' ~ category ~ '_cost', 'costs.' ~ category ~ '_new_arr') }} as {{ category }}_cost_per_new_arr,
        {% endfor -%}
        costs.pipegen_new_arr as new_arr,
        4 * {{ ratio('costs.ae_new_arr', 'costs.ae_quarters') }} as new_arr_per_ae,
        coalesce(of_segment.min_conversion, of_all.min_conversion) as min_conversion,
        coalesce(of_segment.max_coverage, of_all.max_coverage) as max_coverage,
        coalesce(of_segment.cac_ceiling, of_all.cac_ceiling) as cac_ceiling
    from quarters
    left join measured
        on
            quarters.quarter_index = measured.quarter_index
            and quarters.required_coverage_basis = measured.cell_level
            and measured.segment = case measured.cell_level when 'segment' then quarters.segment else '*' end
    left join {{ ref('int_costs__trailing') }} as costs
        on
            quarters.quarter_index = costs.quarter_index + 1
            and quarters.cell_level = costs.cell_level
            and quarters.segment = costs.segment
    left join {{ ref('viability_policy') }} as of_segment on quarters.segment = of_segment.segment
    left join {{ ref('viability_policy') }} as of_all on of_all.segment is null
),

-- The required pipeline bought anew: cost of an opportunity / (conversion * its amount).
costed as (
    select
        *,
        cast(required_coverage as {{ type_double() }}) * {{ ratio('cost_per_opportunity', 'amount_per_opportunity') }}
            as required_cost_per_new_arr
    from joined
),

-- Overhead that nobody has entered counts as none; what selling costs must be known.
ratios as (
    select
        *,
        pipegen_cost_per_new_arr + sales_cost_per_new_arr + coalesce(overhead_cost_per_new_arr, 0) as cac_ratio,
        required_cost_per_new_arr + sales_cost_per_new_arr + coalesce(overhead_cost_per_new_arr, 0) as required_cac_ratio
    from costed
),

railed as (
    select
        *,
        conversion <= min_conversion + 1e-9 as is_conversion_too_low,
        required_coverage >= max_coverage - 1e-9 as is_coverage_too_high,
        cac_ratio > cac_ceiling + 1e-9 or required_cac_ratio > cac_ceiling + 1e-9 as is_cac_too_high
    from ratios
)

select
    as_of_date,
    close_quarter as fiscal_quarter,
    close_quarter_start as fiscal_quarter_start,
    cast(horizon as integer) as horizon,
    cell_level,
    nullif(segment, '*') as segment,
    conversion,
    cast(required_coverage as {{ type_double() }}) as required_coverage,
    required_coverage_basis,
    cast(coalesce(cost_quarter_count, 0) as integer) as cost_quarter_count,
    cast(created_count as integer) as created_count,
    {{ ratio('costed_count', 'created_count') }} as costed_share,
    cost_per_opportunity,
    amount_per_opportunity,
    required_cost_per_new_arr,
    cast(new_arr as decimal(28, 2)) as new_arr,
    {% for category in categories -%}
    cast({{ category }}_cost as decimal(28, 2)) as {{ category }}_cost,
    {{ category }}_cost_per_new_arr,
    {% endfor -%}
    cac_ratio,
    required_cac_ratio,
    new_arr_per_ae,
    min_conversion,
    max_coverage,
    cac_ceiling,
    is_conversion_too_low,
    is_coverage_too_high,
    is_cac_too_high,
    case
        when is_conversion_too_low or is_coverage_too_high or is_cac_too_high then 'not_viable'
        when is_conversion_too_low is null or is_coverage_too_high is null or is_cac_too_high is null then 'unknown'
        else 'viable'
    end as verdict
from railed
