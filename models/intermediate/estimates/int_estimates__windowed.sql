{%- set minimum = var('minimum_sample') -%}

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
        max(case when estimation_window = 'prior_year' then value end) as prior_year_value,
        max(case when estimation_window = 'prior_year' then std_error end) as prior_year_std_error,
        coalesce(max(case when estimation_window = 'prior_year' then n end), 0) as prior_year_n,
        max(case when estimation_window = 'all_time' then value end) as all_time_value,
        max(case when estimation_window = 'all_time' then std_error end) as all_time_std_error,
        coalesce(max(case when estimation_window = 'all_time' then n end), 0) as all_time_n
    from {{ ref('int_estimates__measured') }}
    group by parameter, unit, method, cell_level, {{ cell() }}
)

select
    *,
    case
        when lookback_n >= {{ minimum }} and prior_year_n >= {{ minimum }} then cast({{ var('prior_year_weight') }} as {{ type_double() }})
        when lookback_n >= {{ minimum }} then cast(0 as {{ type_double() }})
        when prior_year_n >= {{ minimum }} then cast(1 as {{ type_double() }})
    end as prior_year_weight
from measured
