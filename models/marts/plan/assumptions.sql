with as_of as (
    select as_of_date from {{ ref('int_as_of') }}
),

chosen as (
    select * from {{ ref('int_estimates__chosen') }}
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
            {% for column in cell_columns() -%}
            and chosen.{{ column }} = coalesce(overrides.{{ column }}, chosen.{{ column }})
            {% endfor %}
    inner join as_of on coalesce(overrides.expires_on, as_of.as_of_date) >= as_of.as_of_date
)

select
    chosen.parameter,
    {{ cell('chosen') }},
    chosen.unit,
    cast(coalesce(overrides.value, chosen.measured_value) as {{ type_double() }}) as value,
    {% for bound, sign in [('lower', ''), ('upper', '-')] -%}
    -- on the complementary log-log scale, where a share keeps between 0 and 1
    case
        when overrides.value is null and chosen.std_error > 0 and chosen.measured_value > 0 and chosen.measured_value < 1
            then power(
                chosen.measured_value,
                exp({{ sign }}1.959964 * chosen.std_error / (-chosen.measured_value * ln(chosen.measured_value)))
            )
    end as {{ bound }},
    {% endfor -%}
    cast(chosen.n as integer) as n,
    chosen.method,
    chosen.estimation_window,
    chosen.lookback_value,
    cast(chosen.lookback_n as integer) as lookback_n,
    chosen.prior_year_value,
    cast(chosen.prior_year_n as integer) as prior_year_n,
    chosen.prior_year_weight,
    cast(overrides.value as {{ type_double() }}) as override_value,
    overrides.reason as override_reason,
    overrides.author as override_author,
    overrides.expires_on as override_expires,
    chosen.source_level,
    as_of.as_of_date
from chosen
cross join as_of
left join overrides
    on
        chosen.parameter = overrides.parameter
        and {{ same_cell('chosen', 'overrides') }}
        and overrides.preference = 1
