{%- set curve = 'estimation_window, from_stage, to_stage, cell_level, ' ~ cell() -%}
{%- set horizon = var('conversion_horizon_days') -%}
{%- set tolerance = '0.000000001' -%}

with curves as (
    select
        *,
        max(case when age_days <= {{ horizon }} then age_days end) over (partition by {{ curve }}) as last_age,
        min(age_days) over (partition by {{ curve }}) as first_age,
        max(case when age_days <= {{ horizon }} then cumulative_incidence end) over (partition by {{ curve }}) as rate,
        max(case when age_days <= {{ horizon }} then cumulative_lost end) over (partition by {{ curve }}) as lost_rate
    from {{ ref('int_estimates__curves') }}
),

summed as (
    select
        {{ curve }},
        {% for count in ['entered', 'advanced', 'lost', 'derailed'] -%}
        sum(case when age_days <= {{ horizon }} then {{ count }}_count else 0 end) as {{ count }}_count,
        {% endfor -%}
        sum(cohort_entered_count) as cohort_entered_count,
        sum(cohort_advanced_count) as cohort_advanced_count,
        sum(advanced_count) as all_advanced_count,
        sum(terminated_count) as all_terminated_count,
        max(rate) as rate,
        max(case when age_days = last_age then std_error end) as std_error,
        max(lost_rate) as lost_rate,
        max(case when age_days = last_age then cumulative_derailed end) as derailed_rate,
        -- With few spells in a window the early ages may lose all they have before the older spells come
        -- in: then those are at an age that nobody is estimated to reach, or came after ages at which
        -- nobody was watched, and the curve says nothing.
        max(
            case
                when age_days > {{ horizon }} or at_risk_count = 0 then 0
                when surviving_before <= 0 then 1
                when age_days > first_age and at_risk_count = entered_count then 1
                else 0
            end
        ) = 1 as is_broken,
        -- the moments of the time to advance, among those that advance by the horizon
        sum(case when age_days <= {{ horizon }} then incidence * age_days end) / nullif(max(rate), 0) as mean_days,
        sum(case when age_days <= {{ horizon }} then incidence * age_days * age_days end) / nullif(max(rate), 0) as mean_squared_days,
        {% for name, share in [('p25_days', 0.25), ('median_days', 0.5), ('p75_days', 0.75)] -%}
        min(case when rate > 0 and cumulative_incidence >= {{ share }} * rate - {{ tolerance }} then age_days end) as {{ name }},
        {% endfor -%}
        min(case when lost_rate > 0 and cumulative_lost >= 0.5 * lost_rate - {{ tolerance }} then age_days end) as median_days_to_loss,
        min(
            case when cumulative_incidence + cumulative_lost + cumulative_derailed >= 0.5 - {{ tolerance }} then age_days end
        ) as median_days_in_stage
    from curves
    group by {{ curve }}
)

select
    {{ curve }},
    -- spells seen at some age up to the horizon, and how they ended by then
    cast(entered_count as integer) as n,
    cast(entered_count - advanced_count - lost_count - derailed_count as integer) as n_open,
    cast(advanced_count as integer) as n_advanced,
    cast(lost_count as integer) as n_lost,
    cast(derailed_count as integer) as n_derailed,
    -- sums of floating point numbers may end a hair above the whole
    {% for rate in ['rate', 'lost_rate', 'derailed_rate'] -%}
    case when not is_broken then case when {{ rate }} < 1 then {{ rate }} when {{ rate }} >= 1 then 1 end end as {{ rate }},
    {% endfor -%}
    case when not is_broken then std_error end as std_error,
    case when not is_broken then mean_days end as mean_days,
    case
        when not is_broken and advanced_count > 0
            then cast(cast(
                case
                    when mean_squared_days - mean_days * mean_days > 0.000001
                        then sqrt((mean_squared_days - mean_days * mean_days) / advanced_count)
                    else 0
                end as decimal(18, 6)
            ) as {{ type_double() }})
    end as mean_days_std_error,
    {% for days in ['p25_days', 'median_days', 'p75_days', 'median_days_in_stage', 'median_days_to_loss'] -%}
    case when not is_broken then cast({{ days }} as integer) end as {{ days }},
    {% endfor -%}
    {{ ratio('cohort_advanced_count', 'cohort_entered_count') }} as rate_naive,
    {{ ratio('all_advanced_count', 'all_terminated_count') }} as rate_period
from summed
