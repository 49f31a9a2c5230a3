{#-
    The CTEs that turn counts by age into curves: Aalen-Johansen cumulative incidences of advancing,
    of being lost and of derailing, each with the others as competing risks, and the standard error
    of the first. Methods: docs/methods/conversion.md.

    `counts` is a relation with the columns of `curve` (the key of one curve), age_days, and in
    double precision entered, departed, advanced, lost, derailed: how many spells came under
    observation at that age, left it, and left it by each cause. The last CTE is `curves`.
-#}
{% macro aalen_johansen(counts, curve) -%}
{%- set by_age = 'partition by ' ~ curve ~ ' order by age_days rows between unbounded preceding' -%}
at_risk as (
    select
        *,
        advanced + lost + derailed as terminated,
        sum(entered) over ({{ by_age }} and current row)
        - coalesce(sum(departed) over ({{ by_age }} and 1 preceding), 0) as at_risk_count
    from {{ counts }}
),

surviving as (
    select
        *,
        coalesce(
            exp(
                sum(case when terminated < at_risk_count then ln(1 - terminated / at_risk_count) else 0 end)
                    over ({{ by_age }} and 1 preceding)
            ),
            1
        )
        -- once everyone at risk has left, nobody survives to a later age
        * (1 - coalesce(max(case when terminated >= at_risk_count and terminated > 0 then 1 else 0 end)
            over ({{ by_age }} and 1 preceding), 0)) as surviving_before
    from at_risk
),

incidences as (
    select
        *,
        surviving_before * advanced / nullif(at_risk_count, 0) as incidence,
        sum(surviving_before * advanced / nullif(at_risk_count, 0)) over ({{ by_age }} and current row) as cumulative_incidence,
        sum(surviving_before * lost / nullif(at_risk_count, 0)) over ({{ by_age }} and current row) as cumulative_lost,
        sum(surviving_before * derailed / nullif(at_risk_count, 0)) over ({{ by_age }} and current row) as cumulative_derailed,
        -- the parts of the delta-method variance
        coalesce(terminated / nullif(at_risk_count * (at_risk_count - terminated), 0), 0) as hazard_variance,
        coalesce(power(surviving_before, 2) * advanced * (at_risk_count - advanced) / nullif(power(at_risk_count, 3), 0), 0)
            as incidence_variance,
        coalesce(surviving_before * advanced / nullif(power(at_risk_count, 2), 0), 0) as covariance
    from surviving
),

-- Sum over u <= t of (F(t) - F(u))^2 h(u) + v(u) - 2 (F(t) - F(u)) c(u), multiplied out so that
-- running sums give it at every age.
variances as (
    select
        *,
        power(cumulative_incidence, 2) * sum(hazard_variance) over ({{ by_age }} and current row)
        - 2 * cumulative_incidence
        * sum(cumulative_incidence * hazard_variance + covariance) over ({{ by_age }} and current row)
        + sum(
            power(cumulative_incidence, 2) * hazard_variance + incidence_variance + 2 * cumulative_incidence * covariance
        ) over ({{ by_age }} and current row) as variance
    from incidences
),

curves as (
    select
        *,
        -- A certain share leaves a rounding error, not a variance; and beyond nine decimals the order of
        -- summation shows, which is every warehouse's own.
        cast(cast(case when variance > 1e-12 then sqrt(variance) else 0 end as decimal(18, 9)) as {{ type_double() }}) as std_error
    from variances
)
{%- endmacro %}
