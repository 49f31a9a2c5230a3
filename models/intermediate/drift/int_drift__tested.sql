-- Every assumption of a plan against what happened: whether that is enough to judge it by, and how
-- surprising it is if the assumption still holds. docs/methods/drift.md.
{%- set minimum_effect = 'cast(' ~ var('drift_minimum_effect') ~ ' as ' ~ type_double() ~ ')' -%}
{%- set tolerance = '0.000000001' %}

with realised as (
    select
        *,
        case when measure in ('rate', 'share') then 1 else 0 end as is_share
    from {{ ref('int_drift__realised') }}
),

judged as (
    select
        *,
        {{ ratio('actual', 'assumed') }} - 1 as relative_difference,
        case
            when n = 0 then 'nothing_observed'
            when actual is null then 'no_curve'
            -- by more than half of the smallest difference that is looked for the rate may be too low
            when unseen_share > {{ minimum_effect }} / 2 + {{ tolerance }} then 'ages_unseen'
            when effective_n < {{ var('minimum_sample') }} - {{ tolerance }} then 'few_observations'
            -- As many as were seen, or as ought to have been: a rate that fell to nothing is judged too.
            when
                n_events < {{ var('minimum_events') }}
                and (is_share = 0 or assumed * effective_n < {{ var('minimum_events') }} - {{ tolerance }})
                then 'few_events'
            when is_share = 0 and not (actual > 0 and assumed > 0) then 'no_ratio'
        end as immature_reason
    from realised
),

-- Shares are compared as they are, by the score test: the variance is what the assumption implies,
-- but that of what happened where none or all was assumed. Everything else on the logarithm, where
-- nothing is known better than to a hundredth of a percent.
scaled as (
    select
        *,
        case when is_share = 1 then actual - assumed else ln(actual / assumed) end as difference,
        case
            when is_share = 0 then power(case when std_error > 0.0001 * actual then std_error / actual else 0.0001 end, 2)
            when assumed * (1 - assumed) > {{ tolerance }} then assumed * (1 - assumed) / effective_n
            when actual * (1 - actual) > {{ tolerance }} then actual * (1 - actual) / effective_n
            else 0.25 / effective_n
        end as variance,
        power(case when is_share = 1 then {{ minimum_effect }} * assumed else {{ minimum_effect }} end, 2) as effect_variance
    from judged
    where immature_reason is null
),

-- The variance of amounts and days is itself estimated: Student's t, as a normal deviate (Wallace,
-- Ann. Math. Stat. 30:1121, 1959).
scored as (
    select
        *,
        case
            when abs(difference) < {{ tolerance }} then 0
            when is_share = 1 then difference / sqrt(variance)
            else
                sign(difference) * sqrt((effective_n - 1) * ln(1 + difference * difference / variance / (effective_n - 1)))
                * (8 * effective_n - 7) / (8 * effective_n - 5)
        end as z_score
    from scaled
),

tested as (
    select
        *,
        -abs(z_score) as lower_tail_z,
        -- The mixture of all effects of the size looked for (Robbins, Ann. Math. Stat. 41:1397, 1970;
        -- Johari, Pekelis and Walsh, Oper. Res. 70:1806, 2022).
        sqrt((variance + effect_variance) / variance)
        * exp(-least(z_score * z_score * effect_variance / (2 * (variance + effect_variance)), 600)) as inverse_likelihood_ratio
    from scored
)

select
    judged.plan_version,
    judged.parameter,
    judged.measure,
    judged.unit,
    judged.cell_level,
    {{ cell('judged') }},
    judged.assumed,
    judged.actual,
    judged.std_error,
    judged.n,
    judged.n_events,
    judged.effective_n,
    judged.relative_difference,
    judged.immature_reason,
    tested.z_score,
    2 * {{ normal_cdf('tested.lower_tail_z') }} as p_value,
    case when tested.inverse_likelihood_ratio < 1 then tested.inverse_likelihood_ratio when tested.inverse_likelihood_ratio >= 1 then 1 end
        as p_value_any_time
from judged
left join tested
    on
        judged.plan_version = tested.plan_version
        and judged.parameter = tested.parameter
        and judged.cell_level = tested.cell_level
        and {{ same_cell('judged', 'tested') }}
