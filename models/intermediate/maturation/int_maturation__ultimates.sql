{%- set triangle = 'cell_level, ' ~ cell() ~ ', measure' -%}

with ages as (
    select
        *,
        max(age_quarters) over (partition by {{ triangle }}, cohort_quarter) as latest_age
    from {{ ref('int_maturation__triangles') }}
),

latest as (
    select
        ages.cell_level,
        {{ cell('ages') }},
        ages.measure,
        ages.cohort_quarter,
        ages.age_quarters,
        ages.cumulative,
        ages.exposure,
        1 - factors.developed_share as undeveloped_share,
        factors.process_variance,
        factors.factor_variance,
        -- zero times any factor is zero, and nothing times infinity is nothing: neither says how much will be won
        case when ages.cumulative > 0 then {{ ratio('ages.cumulative', 'factors.developed_share') }} end as ultimate_chain_ladder,
        ages.cumulative + ages.exposure * ages.prior_rate * (1 - factors.developed_share) as ultimate_bf,
        ages.cumulative + ages.exposure * factors.cape_cod_rate * (1 - factors.developed_share) as ultimate_cape_cod
    from ages
    inner join {{ ref('int_maturation__factors') }} as factors
        on
            ages.cell_level = factors.cell_level
            and {{ same_cell('ages', 'factors') }}
            and ages.measure = factors.measure
            and ages.age_quarters = factors.age_quarters
    where ages.age_quarters = ages.latest_age
),

-- Two cohorts err together, as they are developed by the same link ratios: those the older one
-- still has to come.
errors as (
    select
        *,
        ultimate_chain_ladder * process_variance + power(ultimate_chain_ladder, 2) * factor_variance as squared_error,
        2 * ultimate_chain_ladder * factor_variance
        * coalesce(
            sum(ultimate_chain_ladder) over (
                partition by {{ triangle }}
                order by cohort_quarter desc
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as covariances,
        max(cohort_quarter) over (partition by {{ triangle }}) as youngest_cohort
    from latest
),

totals as (
    select
        *,
        sum(squared_error + covariances) over (partition by {{ triangle }}) as total_squared_error,
        count(squared_error) over (partition by {{ triangle }}) as measured_count,
        count(ultimate_chain_ladder) over (partition by {{ triangle }}) as ultimate_count
    from errors
)

select
    {{ triangle }},
    cohort_quarter,
    age_quarters,
    ultimate_chain_ladder,
    ultimate_bf,
    ultimate_cape_cod,
    -- Bornhuetter-Ferguson once more, with its own ultimate as what was expected
    cumulative + ultimate_bf * undeveloped_share as ultimate_benktander,
    sqrt(squared_error) as mack_std_error,
    -- once per triangle, so that it is not repeated, and not at all where a cohort's is unknown
    case when cohort_quarter = youngest_cohort and measured_count = ultimate_count then sqrt(total_squared_error) end
        as total_mack_std_error
from totals
