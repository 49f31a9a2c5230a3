with as_of as (
    select as_of_date from {{ ref('int_as_of') }}
),

chosen as (
    select
        {{ cell() }},
        parameter,
        month_number,
        unit,
        method,
        shrinkage,
        estimation_window,
        measured_level,
        source_level,
        lookback_value,
        lookback_n,
        prior_year_value,
        prior_year_n,
        prior_year_weight,
        own_value,
        own_n,
        own_weight,
        parent_value,
        measured_value,
        lower,
        upper
    from {{ ref('int_estimates__chosen') }}
    union all
    select
        {{ cell() }},
        parameter,
        month_number,
        unit,
        method,
        shrinkage,
        'all_time' as estimation_window,
        measured_level,
        source_level,
        null as lookback_value,
        0 as lookback_n,
        null as prior_year_value,
        0 as prior_year_n,
        null as prior_year_weight,
        own_value,
        own_n,
        null as own_weight,
        parent_value,
        measured_value,
        lower,
        upper
    from {{ ref('int_estimates__seasonal') }}
    union all
    select
        {{ cell() }},
        parameter,
        month_number,
        unit,
        method,
        shrinkage,
        'all_time' as estimation_window,
        measured_level,
        source_level,
        null as lookback_value,
        0 as lookback_n,
        null as prior_year_value,
        0 as prior_year_n,
        null as prior_year_weight,
        own_value,
        own_n,
        null as own_weight,
        parent_value,
        measured_value,
        null as lower,
        null as upper
    from {{ ref('int_estimates__variation') }}
),

-- An override speaks for the cells it names, a blank dimension for all of them; the one that
-- names most goes first. An expired one is ignored.
overrides as (
    select
        {{ cell('chosen') }},
        chosen.parameter,
        overrides.value,
        overrides.reason,
        overrides.author,
        overrides.expires_on,
        row_number() over (
            partition by {{ cell('chosen') }}, chosen.parameter
            order by
                {% for column in cell_columns() -%}
                case when overrides.{{ column }} is null then 0 else 1 end{{ ' + ' if not loop.last }}
                {%- endfor %} desc,
                overrides.author,
                overrides.value asc
        ) as preference
    from chosen
    inner join {{ ref('assumption_overrides') }} as overrides
        on
            chosen.parameter = overrides.parameter
            -- a kernel is overruled as a whole or not at all
            and chosen.month_number is null
            {% for column in cell_columns() -%}
            and chosen.{{ column }} = coalesce(overrides.{{ column }}, chosen.{{ column }})
            {% endfor %}
    inner join as_of on coalesce(overrides.expires_on, as_of.as_of_date) >= as_of.as_of_date
)

select
    chosen.parameter,
    chosen.month_number,
    {{ cell('chosen') }},
    chosen.unit,
    cast(coalesce(overrides.value, chosen.measured_value) as {{ type_double() }}) as value,
    case when overrides.value is null then chosen.lower end as lower,
    case when overrides.value is null then chosen.upper end as upper,
    chosen.own_n as n,
    chosen.method,
    chosen.estimation_window,
    chosen.lookback_value,
    cast(chosen.lookback_n as integer) as lookback_n,
    chosen.prior_year_value,
    cast(chosen.prior_year_n as integer) as prior_year_n,
    chosen.prior_year_weight,
    chosen.measured_level,
    chosen.own_value,
    chosen.own_weight,
    chosen.shrinkage,
    chosen.source_level,
    chosen.parent_value,
    cast(overrides.value as {{ type_double() }}) as override_value,
    overrides.reason as override_reason,
    overrides.author as override_author,
    overrides.expires_on as override_expires,
    as_of.as_of_date
from chosen
cross join as_of
left join overrides
    on
        chosen.parameter = overrides.parameter
        and {{ same_cell('chosen', 'overrides') }}
        and overrides.preference = 1
