{#-
    Each level of a parameter drawn towards the level above it, from the company down: by as much as
    it has few observations of its own and as its siblings are alike. docs/methods/shrinkage.md.
-#}
{%- set deepest_level = 4 -%}
with evidence as (
    select
        evidence.*,
        case
            when evidence.depth = 0 then 0
            when evidence.shrinkage = 'dirichlet' then {{ var('composition_prior_weight') }}
            else coalesce(credibility.prior_weight, 0)
        end as prior_weight,
        coalesce(credibility.relative_variance, evidence.relative_variance, 1) as cell_variance,
        credibility.degrees_of_freedom,
        -- without siblings it is its parent once more, whose value its deals are in already; the
        -- parts of a mix are left alone, so that they sum to one
        evidence.shrinkage <> 'dirichlet' and sum(case when evidence.effective_n > 0 then 1 else 0 end) over (
            partition by
                evidence.parameter, evidence.depth, evidence.parent_segment, evidence.parent_deal_type, evidence.parent_territory,
                evidence.parent_pipeline_source, evidence.parent_custom_dimension
        ) <= 1 as is_only_child
    from {{ ref('int_estimates__evidence') }} as evidence
    left join {{ ref('int_estimates__credibility') }} as credibility
        on evidence.parameter = credibility.parameter and evidence.depth = credibility.depth
),

weighted as (
    select
        *,
        case
            when depth = 0 then 1
            when is_only_child then 0
            else coalesce(effective_n / nullif(effective_n + prior_weight, 0), 0)
        end as own_weight
    from evidence
),

compared as (
    select
        *,
        avg(case when not is_only_child then own_weight end) over (partition by parameter, depth) as usual_weight
    from weighted
),

trusted as (
    select
        *,
        -- How uncertain the weight is, because the prior weight was estimated from so many siblings:
        -- Morris (J. Am. Stat. Assoc. 78:47, 1983) for siblings of one size; a smaller one has less
        -- to be uncertain about, one without evidence nothing.
        2.0 / case when degrees_of_freedom > 3 then degrees_of_freedom - 2 else 1 end
        * power((1 - own_weight) * case when is_only_child then 0 when own_weight < usual_weight then own_weight / usual_weight else 1 end, 2) as weight_variance
    from compared
),

shrunk_0 as (
    select
        *,
        scaled_value as estimate,
        cast(null as {{ type_double() }}) as parent_estimate,
        case
            when shrinkage = 'log_normal' then cell_variance / effective_n
            else coalesce(power(own_std_error, 2), scaled_value * (1 - scaled_value) / nullif(effective_n, 0))
        end as variance
    from trusted
    where depth = 0
),

{% for depth in range(1, deepest_level + 1) -%}
drawn_{{ depth }} as (
    select
        trusted.*,
        trusted.own_weight * trusted.scaled_value + (1 - trusted.own_weight) * parents.estimate as estimate,
        parents.estimate as parent_estimate,
        -- what is not known of the parent, and of how much to trust it
        power(1 - trusted.own_weight, 2) * parents.variance
        + trusted.weight_variance * power(trusted.scaled_value - parents.estimate, 2) as borrowed_variance
    from trusted
    inner join shrunk_{{ depth - 1 }} as parents
        on
            trusted.parameter = parents.parameter
            and trusted.month_number is not distinct from parents.month_number
            {% for column in cell_columns() -%}
            and trusted.parent_{{ column }} = parents.{{ column }}
            {% endfor %}
    where trusted.depth = {{ depth }}
),

shrunk_{{ depth }} as (
    select
        *,
        case
            when is_only_child then 0
            when shrinkage = 'log_normal' then own_weight * cell_variance / nullif(effective_n, 0)
            else estimate * (1 - estimate) / (effective_n + prior_weight + 1)
        end + borrowed_variance as variance
    from drawn_{{ depth }}
),

{% endfor -%}
shrunk as (
    {%- for depth in range(deepest_level + 1) %}
    select
        family,
        parameter,
        month_number,
        shrinkage,
        cell_level,
        {{ cell() }},
        depth,
        parent_level,
        own_value,
        own_n,
        effective_n,
        prior_weight,
        own_weight,
        estimate,
        parent_estimate,
        variance
    from shrunk_{{ depth }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    family,
    parameter,
    month_number,
    shrinkage,
    cell_level,
    {{ cell() }},
    depth,
    parent_level,
    own_value,
    cast(own_n as integer) as own_n,
    effective_n,
    prior_weight,
    own_weight,
    case when shrinkage = 'log_normal' then exp(estimate) else estimate end as value,
    case when shrinkage = 'log_normal' then exp(parent_estimate) else parent_estimate end as parent_value,
    -- 95 percent, on a scale on which a share keeps between 0 and 1 and an amount above 0
    {% for bound, sign in [('lower', '-'), ('upper', '+')] -%}
    case
        when shrinkage = 'log_normal' then exp(estimate {{ sign }} {{ range_score(0.95) }} * sqrt(variance))
        when shrinkage = 'beta_binomial' then {{ share_bound('estimate', 'sqrt(variance)', bound) }}
    end as {{ bound }},
    {% endfor -%}
    sqrt(variance) as scaled_std_error
from shrunk
