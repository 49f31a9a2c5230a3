{#-
    Chain ladder and Mack's variances by triangle and age. The variance of a cohort's ultimate U is
    U * process_variance + U * U * factor_variance at its age: Mack's formula with the sums over the
    ages still to come taken once per triangle. Methods: docs/methods/maturation.md.
-#}
{%- set triangle = 'cell_level, ' ~ cell() ~ ', measure' -%}
{%- set by_age = 'partition by ' ~ triangle ~ ' order by age_quarters' -%}
{%- set still_to_come = 'partition by ' ~ triangle ~ ' order by age_quarters desc rows between unbounded preceding and current row' -%}

with observed as (
    select
        *,
        -- sums of these are exact: the same in whatever order they are added up
        cast(cumulative as decimal(28, 6)) as exact_cumulative,
        lead(cumulative) over (partition by {{ triangle }}, cohort_quarter order by age_quarters) as next_cumulative
    from {{ ref('int_maturation__triangles') }}
),

-- The step from an age to the next is measured on the cohorts observed at both.
paired as (
    select
        *,
        cast(
            sum(case when next_cumulative is not null then exact_cumulative end)
                over (partition by {{ triangle }}, age_quarters)
            as {{ type_double() }}
        ) as cumulative_from,
        cast(
            sum(cast(next_cumulative as decimal(28, 6))) over (partition by {{ triangle }}, age_quarters)
            as {{ type_double() }}
        ) as cumulative_to
    from observed
),

by_age as (
    select
        {{ triangle }},
        age_quarters,
        count(next_cumulative) as cohort_count,
        max(cumulative_from) as cumulative_from,
        max(cumulative_to) as cumulative_to,
        {{ ratio('max(cumulative_to)', 'max(cumulative_from)') }} as link_ratio,
        -- a cohort that had won nothing by this age has no link ratio of its own
        sum(case when next_cumulative is not null and cumulative > 0 then 1 else 0 end) as deviation_count,
        sum(power(next_cumulative - cumulative * {{ ratio('cumulative_to', 'cumulative_from') }}, 2) / nullif(cumulative, 0))
            as squared_deviations,
        sum(case when next_cumulative is null then cumulative else 0 end) as latest_cumulative,
        sum(case when next_cumulative is null then exposure else 0 end) as latest_exposure
    from paired
    group by {{ triangle }}, age_quarters
),

developed as (
    select
        *,
        squared_deviations / nullif(deviation_count - 1, 0) as own_variance,
        -- Undeveloped is what the steps still to come will add. A step from nothing to something
        -- makes the share 0, whatever follows; one from nothing to nothing is taken to add nothing.
        case
            -- where no cohort with a win was followed any further, nothing is known of development
            when max(cumulative_to) over (partition by {{ triangle }}) > 0
                then
                    exp(
                        sum(case when cumulative_from > 0 and cumulative_to > 0 then ln(cumulative_from / cumulative_to) else 0 end)
                            over ({{ still_to_come }})
                    )
                    * min(case when cumulative_from = 0 and cumulative_to > 0 then 0 else 1 end) over ({{ still_to_come }})
        end as developed_share
    from by_age
),

neighbours as (
    select
        *,
        lag(own_variance) over ({{ by_age }}) as variance_before,
        lag(own_variance, 2) over ({{ by_age }}) as variance_before_that
    from developed
),

varied as (
    select
        *,
        case
            when deviation_count > 1 then own_variance
            -- Mack's rule where one cohort alone was seen to take the step
            when deviation_count = 1 and variance_before = 0 then 0
            when deviation_count = 1 and variance_before_that > 0
                then
                    case
                        when variance_before < variance_before_that then power(variance_before, 2) / variance_before_that
                        else variance_before_that
                    end
            when deviation_count = 1 and variance_before_that = 0 and variance_before is not null then 0
        end as sigma_squared
    from neighbours
),

relative as (
    select
        *,
        sigma_squared / nullif(power(link_ratio, 2) * developed_share, 0) as process_term,
        sigma_squared / nullif(power(link_ratio, 2) * cumulative_from, 0) as factor_term,
        -- a sum that lacks a step is no variance
        sum(case when cohort_count > 0 and (sigma_squared is null or link_ratio is null or developed_share is null) then 1 else 0 end)
            over ({{ still_to_come }}) as unmeasured_steps
    from varied
)

select
    {{ triangle }},
    age_quarters,
    cast(cohort_count as integer) as cohort_count,
    cumulative_from,
    cumulative_to,
    link_ratio,
    developed_share,
    sigma_squared,
    case when unmeasured_steps = 0 then sum(coalesce(process_term, 0)) over ({{ still_to_come }}) end as process_variance,
    case when unmeasured_steps = 0 then sum(coalesce(factor_term, 0)) over ({{ still_to_come }}) end as factor_variance,
    {{ ratio(
        'sum(latest_cumulative) over (partition by ' ~ triangle ~ ')',
        'sum(latest_exposure * developed_share) over (partition by ' ~ triangle ~ ')',
    ) }} as cape_cod_rate
from relative
