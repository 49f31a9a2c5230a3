{#-
    How much the children of one parent differ beyond chance, and so how many observations a parent's
    value is worth beside a child's own: the prior weight M, with the child's weight n / (n + M).
    Moment estimates, pooled over all parents of a level: Kleinman's for shares (J. Am. Stat. Assoc.
    68:46, 1973), DerSimonian and Laird's on logarithms for the rest. docs/methods/shrinkage.md.
-#}
{%- set siblings = 'parameter, month_number, depth, ' ~ 'parent_segment, parent_deal_type, parent_territory, parent_pipeline_source, parent_custom_dimension' -%}
with evidence as (
    select * from {{ ref('int_estimates__evidence') }}
    where depth > 0 and effective_n > 0
),

-- what varies within a cell, the same for all cells of a level
within_cells as (
    select
        parameter,
        depth,
        sum((own_n - 1) * relative_variance) / nullif(sum(case when relative_variance is not null then own_n - 1 end), 0)
            as relative_variance
    from evidence
    group by parameter, depth
),

grouped as (
    select
        *,
        sum(effective_n) over (partition by {{ siblings }}) as group_n,
        sum(effective_n * scaled_value) over (partition by {{ siblings }})
        / sum(effective_n) over (partition by {{ siblings }}) as group_mean,
        row_number() over (partition by {{ siblings }} order by {{ cell() }}) as sibling_number
    from evidence
    where shrinkage <> 'dirichlet'
),

moments as (
    select
        parameter,
        shrinkage,
        depth,
        count(*) as sibling_count,
        sum(case when sibling_number = 1 then 1 else 0 end) as group_count,
        sum(effective_n) as total_n,
        sum(effective_n * power(scaled_value - group_mean, 2)) as dispersion,
        -- of a share: what dispersion chance alone gives, and what complete heterogeneity would
        sum(group_mean * (1 - group_mean) * (1 - effective_n / group_n)) as chance_dispersion,
        sum(effective_n * group_mean * (1 - group_mean) * (1 - effective_n / group_n)) as full_dispersion,
        -- of the rest: the observations that tell differences between siblings
        sum(effective_n * (1 - effective_n / group_n)) as contrast_n
    from grouped
    group by parameter, shrinkage, depth
),

between_cells as (
    select
        moments.*,
        coalesce(within_cells.relative_variance, 1) as relative_variance,
        case
            when moments.shrinkage = 'beta_binomial'
                then {{ ratio(
                    'moments.dispersion - moments.chance_dispersion', 'moments.full_dispersion - moments.chance_dispersion'
                ) }}
            else {{ ratio(
                'moments.dispersion - coalesce(within_cells.relative_variance, 1) * (moments.sibling_count - moments.group_count)',
                'moments.contrast_n'
            ) }}
        end as heterogeneity
    from moments
    left join within_cells on moments.parameter = within_cells.parameter and moments.depth = within_cells.depth
)

select
    parameter,
    depth,
    cast(sibling_count as integer) as sibling_count,
    cast(sibling_count - group_count as integer) as degrees_of_freedom,
    relative_variance,
    heterogeneity,
    -- Never more than a thousand observations: no number of cells proves that all are equal. An only
    -- child says all that its parent does.
    case
        when heterogeneity is null then 0
        when shrinkage = 'beta_binomial' and heterogeneity >= 1 then 0
        when shrinkage = 'beta_binomial' and heterogeneity > 0.001 then 1 / heterogeneity - 1
        when shrinkage = 'log_normal' and heterogeneity > relative_variance / 999 then relative_variance / heterogeneity
        else 999
    end as prior_weight
from between_cells
