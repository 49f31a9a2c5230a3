{#- One long table of everything measured, so that the register treats all parameters alike. -#}
{%- set qualifying = var('qualifying_stage') -%}
{%- set steps = [
    ('lead', -1, 0, 'lead_to_meeting_accepted'),
    ('deal', 0, 1, 'meeting_accepted_to_completed'),
    ('deal', 1, qualifying, 'meeting_completed_to_qualified'),
    ('deal', qualifying, var('won_stage'), 'qualified_to_won'),
] -%}
{%- set amounts = [
    ('origin', 'lead_sourced_share', 'created_count', 'share'),
    ('deal', 'amount_at_qualification', 'created_known_count', 'corporate currency'),
    ('deal', 'won_amount', 'won_count', 'corporate currency'),
    ('deal', 'amount_growth', 'growth_count', 'ratio'),
] -%}

with rates as (
    select rates.*
    from {{ ref('int_estimates__rates') }} as rates
    inner join {{ ref('int_estimates__windows') }} as windows
        on rates.estimation_window = windows.estimation_window
    where windows.window_kind = 'planning'
),

measured as (
    {% for family, from_stage, to_stage, step in steps -%}
    select
        '{{ family }}' as family,
        '{{ "win" if step == "qualified_to_won" else step }}_rate' as parameter,
        cast(null as integer) as month_number,
        'share' as unit,
        'aalen_johansen' as method,
        'beta_binomial' as shrinkage,
        estimation_window,
        cell_level,
        {{ cell() }},
        n,
        n_advanced as n_events,
        -- of how many observations the evidence for a rate of none or all is
        n_advanced + n_lost + n_derailed as n_ended,
        rate as value,
        std_error
    from rates
    where from_stage = {{ from_stage }} and to_stage = {{ to_stage }}
    union all
    select
        '{{ family }}' as family,
        'days_{{ step }}' as parameter,
        cast(null as integer) as month_number,
        'days' as unit,
        'aalen_johansen' as method,
        'log_normal' as shrinkage,
        estimation_window,
        cell_level,
        {{ cell() }},
        n_advanced as n,
        n_advanced as n_events,
        n_advanced as n_ended,
        mean_days as value,
        mean_days_std_error as std_error
    from rates
    where from_stage = {{ from_stage }} and to_stage = {{ to_stage }}
    union all
    select
        '{{ family }}' as family,
        'kernel_{{ step }}' as parameter,
        months_after as month_number,
        'share' as unit,
        'aalen_johansen' as method,
        'dirichlet' as shrinkage,
        estimation_window,
        cell_level,
        {{ cell() }},
        n,
        n as n_events,
        n as n_ended,
        share as value,
        cast(null as {{ type_double() }}) as std_error
    from {{ ref('int_estimates__kernels') }}
    where from_stage = {{ from_stage }} and to_stage = {{ to_stage }}
    union all
    {% endfor -%}
    {% for family, parameter, count, unit in amounts -%}
    select
        '{{ family }}' as family,
        '{{ parameter }}' as parameter,
        cast(null as integer) as month_number,
        '{{ unit }}' as unit,
        '{{ "mean" if unit == "corporate currency" else "ratio_of_sums" }}' as method,
        '{{ "beta_binomial" if unit == "share" else "log_normal" }}' as shrinkage,
        estimation_window,
        cell_level,
        {{ cell() }},
        {{ count }} as n,
        {{ count }} as n_events,
        {{ count }} as n_ended,
        {{ parameter }} as value,
        {% if unit == 'share' -%}
        sqrt({{ parameter }} * (1 - {{ parameter }}) / nullif({{ count }}, 0)) as std_error
        {%- else -%}
        {{ parameter }}_std_error as std_error
        {%- endif %}
    from {{ ref('int_estimates__amounts') }}
    union all
    {% endfor -%}
    select
        'mix' as family,
        'source_mix' as parameter,
        cast(null as integer) as month_number,
        'share' as unit,
        'ratio_of_sums' as method,
        'dirichlet' as shrinkage,
        estimation_window,
        cell_level,
        {{ cell() }},
        n,
        n as n_events,
        n as n_ended,
        share as value,
        cast(null as {{ type_double() }}) as std_error
    from {{ ref('int_estimates__source_mix') }}
)

-- Only what can speak: at a level of the parameter's family, with a value.
select measured.*
from measured
inner join {{ ref('shrinkage_levels') }} as levels
    on measured.family = levels.family and measured.cell_level = levels.cell_level
where measured.value is not null
