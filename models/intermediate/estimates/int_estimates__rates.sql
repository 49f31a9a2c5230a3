{%- set curve = 'estimation_window, from_stage, to_stage, cell_level, ' ~ cell() -%}

with curves as (
    select
        *,
        sum(case when age_days <= {{ var('conversion_horizon_days') }} then incidence else 0 end)
            over (partition by {{ curve }}) as rate
    from {{ ref('int_estimates__curves') }}
),

-- The terms of the delta-method variance of the curve at its horizon (docs/methods/conversion.md).
terms as (
    select
        {{ curve }},
        age_days,
        entered_count,
        advanced_count,
        incidence,
        rate,
        case
            when age_days <= {{ var('conversion_horizon_days') }}
                then
                    coalesce(
                        power(rate - cumulative_incidence, 2) * terminated_count
                        / nullif(at_risk_count * (at_risk_count - terminated_count), 0), 0
                    )
                    + coalesce(
                        power(surviving_before, 2) * advanced_count * (at_risk_count - advanced_count)
                        / nullif(power(at_risk_count, 3), 0), 0
                    )
                    - coalesce(
                        2 * (rate - cumulative_incidence) * surviving_before * advanced_count
                        / nullif(power(at_risk_count, 2), 0), 0
                    )
            else 0
        end as variance_term
    from curves
)

select
    {{ curve }},
    -- spells seen at some age up to the horizon, and those of them that advanced
    cast(sum(case when age_days <= {{ var('conversion_horizon_days') }} then entered_count else 0 end) as integer) as n,
    cast(sum(case when age_days <= {{ var('conversion_horizon_days') }} then advanced_count else 0 end) as integer) as n_advanced,
    -- sums of floating point numbers may end a hair above the whole
    least(max(rate), 1) as rate,
    sqrt(greatest(sum(variance_term), 0)) as std_error,
    -- the mean time to advance of those that advance by the horizon
    sum(case when age_days <= {{ var('conversion_horizon_days') }} then incidence * age_days else 0 end)
    / nullif(max(rate), 0) as mean_days
from terms
group by {{ curve }}
