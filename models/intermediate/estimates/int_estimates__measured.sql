{#- One long table of everything measured, so that the register treats all parameters alike. -#}
{%- set steps = [
    (-1, 0, 'lead_to_meeting_accepted_rate', 'days_lead_to_meeting_accepted'),
    (0, 1, 'meeting_accepted_to_completed_rate', 'days_meeting_accepted_to_completed'),
    (1, var('qualifying_stage'), 'meeting_completed_to_qualified_rate', 'days_meeting_completed_to_qualified'),
    (var('qualifying_stage'), var('won_stage'), 'win_rate', 'days_qualified_to_won'),
] -%}
{%- set amounts = [
    ('lead_sourced_share', 'created_count', 'share'),
    ('amount_at_qualification', 'created_known_count', 'corporate currency'),
    ('won_amount', 'won_count', 'corporate currency'),
    ('amount_growth', 'growth_count', 'ratio'),
] -%}

{% for from_stage, to_stage, rate, days in steps %}
select
    '{{ rate }}' as parameter,
    'share' as unit,
    'aalen_johansen' as method,
    estimation_window,
    cell_level,
    {{ cell() }},
    n,
    n_advanced as n_events,
    rate as value,
    std_error
from {{ ref('int_estimates__rates') }}
where from_stage = {{ from_stage }} and to_stage = {{ to_stage }}
union all
select
    '{{ days }}' as parameter,
    'days' as unit,
    'aalen_johansen' as method,
    estimation_window,
    cell_level,
    {{ cell() }},
    n_advanced as n,
    n_advanced as n_events,
    mean_days as value,
    cast(null as {{ type_double() }}) as std_error
from {{ ref('int_estimates__rates') }}
where from_stage = {{ from_stage }} and to_stage = {{ to_stage }}
union all
{% endfor %}
{% for parameter, count, unit in amounts %}
select
    '{{ parameter }}' as parameter,
    '{{ unit }}' as unit,
    '{{ "mean" if unit == "corporate currency" else "ratio_of_sums" }}' as method,
    estimation_window,
    cell_level,
    {{ cell() }},
    {{ count }} as n,
    {{ count }} as n_events,
    {{ parameter }} as value,
    cast(null as {{ type_double() }}) as std_error
from {{ ref('int_estimates__amounts') }}
{{ 'union all' if not loop.last }}
{% endfor %}
