{%- set minimum = var('minimum_sample') -%}
{%- set events = var('minimum_events') -%}

-- The windows of one parameter at one level side by side.
with measured as (
    select
        parameter,
        unit,
        method,
        cell_level,
        {{ cell() }},
        max(case when estimation_window = 'lookback' then value end) as lookback_value,
        max(case when estimation_window = 'lookback' then std_error end) as lookback_std_error,
        coalesce(max(case when estimation_window = 'lookback' then n end), 0) as lookback_n,
        coalesce(max(case when estimation_window = 'lookback' then n_events end), 0) as lookback_events,
        max(case when estimation_window = 'prior_year' then value end) as prior_year_value,
        max(case when estimation_window = 'prior_year' then std_error end) as prior_year_std_error,
        coalesce(max(case when estimation_window = 'prior_year' then n end), 0) as prior_year_n,
        coalesce(max(case when estimation_window = 'prior_year' then n_events end), 0) as prior_year_events,
        max(case when estimation_window = 'all_time' then value end) as all_time_value,
        max(case when estimation_window = 'all_time' then std_error end) as all_time_std_error,
        coalesce(max(case when estimation_window = 'all_time' then n end), 0) as all_time_n,
        coalesce(max(case when estimation_window = 'all_time' then n_events end), 0) as all_time_events
    from {{ ref('int_estimates__measured') }}
    group by parameter, unit, method, cell_level, {{ cell() }}
),

-- A rate rests on what happened, not only on who was watched: enough spells, and enough of them
-- that advanced.
sufficient as (
    select
        *,
        lookback_n >= {{ minimum }} and lookback_events >= {{ events }} as is_lookback_sufficient,
        prior_year_n >= {{ minimum }} and prior_year_events >= {{ events }} as is_prior_year_sufficient,
        all_time_n >= {{ minimum }} and all_time_events >= {{ events }} as is_all_time_sufficient
    from measured
)

select
    *,
    case
        when is_lookback_sufficient and is_prior_year_sufficient then cast({{ var('prior_year_weight') }} as {{ type_double() }})
        when is_lookback_sufficient then cast(0 as {{ type_double() }})
        when is_prior_year_sufficient then cast(1 as {{ type_double() }})
    end as prior_year_weight
from sufficient
