{%- set minimum = var('minimum_sample') -%}
{%- set events = var('minimum_events') -%}

-- The windows of one parameter at one level side by side.
with measured as (
    select
        family,
        parameter,
        month_number,
        unit,
        method,
        cell_level,
        {{ cell() }},
        {% for window in ['lookback', 'prior_year', 'all_time'] -%}
        max(case when estimation_window = '{{ window }}' then value end) as {{ window }}_value,
        max(case when estimation_window = '{{ window }}' then std_error end) as {{ window }}_std_error,
        coalesce(max(case when estimation_window = '{{ window }}' then n end), 0) as {{ window }}_n,
        coalesce(max(case when estimation_window = '{{ window }}' then n_events end), 0) as {{ window }}_events,
        coalesce(max(case when estimation_window = '{{ window }}' then n_ended end), 0) as {{ window }}_ended,
        {% endfor -%}
        shrinkage
    from {{ ref('int_estimates__measured') }}
    group by family, parameter, month_number, unit, method, shrinkage, cell_level, {{ cell() }}
),

-- A window speaks for itself where enough happened in it: enough spells, and enough of them that
-- advanced. Where neither of the two has enough, the whole history does.
weighted as (
    select
        *,
        case
            when
                lookback_value is not null and lookback_n >= {{ minimum }} and lookback_events >= {{ events }}
                and prior_year_value is not null and prior_year_n >= {{ minimum }} and prior_year_events >= {{ events }}
                then cast({{ var('prior_year_weight') }} as {{ type_double() }})
            when lookback_value is not null and lookback_n >= {{ minimum }} and lookback_events >= {{ events }} then cast(0 as {{ type_double() }})
            when prior_year_value is not null and prior_year_n >= {{ minimum }} and prior_year_events >= {{ events }} then cast(1 as {{ type_double() }})
        end as prior_year_weight
    from measured
)

select
    family,
    parameter,
    month_number,
    unit,
    method,
    shrinkage,
    cell_level,
    {{ cell() }},
    lookback_value,
    lookback_n,
    prior_year_value,
    prior_year_n,
    all_time_value,
    all_time_n,
    prior_year_weight,
    case
        when prior_year_weight is null then all_time_value
        else
            (1 - prior_year_weight) * coalesce(lookback_value, prior_year_value)
            + prior_year_weight * coalesce(prior_year_value, lookback_value)
    end as value,
    case
        when prior_year_weight is null then all_time_std_error
        else sqrt(
            power((1 - prior_year_weight) * coalesce(lookback_std_error, 0), 2)
            + power(prior_year_weight * coalesce(prior_year_std_error, 0), 2)
        )
    end as std_error,
    {% for count in ['n', 'ended'] -%}
    cast(
        case
            when prior_year_weight is null then all_time_{{ count }}
            when prior_year_weight = 0 then lookback_{{ count }}
            when prior_year_weight = 1 then prior_year_{{ count }}
            else lookback_{{ count }} + prior_year_{{ count }}
        end as integer
    ) as {{ 'n' if count == 'n' else 'n_ended' }},
    {% endfor -%}
    -- a weighted mean of two is worth fewer than both together, unless they are weighted by their size
    case
        when prior_year_weight is null then cast(all_time_n as {{ type_double() }})
        when prior_year_weight = 0 then cast(lookback_n as {{ type_double() }})
        when prior_year_weight = 1 then cast(prior_year_n as {{ type_double() }})
        else 1 / (power(1 - prior_year_weight, 2) / lookback_n + power(prior_year_weight, 2) / prior_year_n)
    end as n_worth,
    case when prior_year_weight is null then 'all_time' else 'lookback+prior_year' end as estimation_window
from weighted
