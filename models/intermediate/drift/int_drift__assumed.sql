{#-
    What each plan assumed of each cell, and how to look up what happened: the rates and times of a
    step from its spells, means and shares from the opportunities that qualified or were won.
-#}
{%- set qualifying = var('qualifying_stage') -%}
{%- set steps = [
    (-1, 0, 'lead_to_meeting_accepted'),
    (0, 1, 'meeting_accepted_to_completed'),
    (1, qualifying, 'meeting_completed_to_qualified'),
    (qualifying, var('won_stage'), 'qualified_to_won'),
] -%}
{%- set amounts = [
    ('lead_sourced_share', 'share', 'share'),
    ('source_mix', 'share', 'share'),
    ('amount_at_qualification', 'mean', 'corporate currency'),
    ('won_amount', 'mean', 'corporate currency'),
    ('amount_growth', 'mean', 'ratio'),
] -%}

with parameters as (
    {% for from_stage, to_stage, step in steps -%}
    select
        '{{ "win" if step == "qualified_to_won" else step }}_rate' as parameter,
        'rate' as measure,
        'share' as unit,
        {{ from_stage }} as from_stage,
        {{ to_stage }} as to_stage
    union all
    select
        'days_{{ step }}' as parameter,
        'days' as measure,
        'days' as unit,
        {{ from_stage }} as from_stage,
        {{ to_stage }} as to_stage
    union all
    {% endfor -%}
    {% for parameter, measure, unit in amounts -%}
    select
        '{{ parameter }}' as parameter,
        '{{ measure }}' as measure,
        '{{ unit }}' as unit,
        cast(null as integer) as from_stage,
        cast(null as integer) as to_stage
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

assumptions as (
    select
        assumptions.plan_version,
        parameters.parameter,
        parameters.measure,
        parameters.unit,
        parameters.from_stage,
        parameters.to_stage,
        -- of a lead only the channel is known
        {% for column in cell_columns() -%}
        {% if column == 'pipeline_source' -%}
        assumptions.pipeline_source,
        {% else -%}
        case when parameters.from_stage = -1 then '*' else assumptions.{{ column }} end as {{ column }},
        {% endif -%}
        {% endfor -%}
        cast(assumptions.value as {{ type_double() }}) as assumed_value
    from {{ ref('plan_assumptions') }} as assumptions
    inner join {{ ref('int_drift__plans') }} as plans on assumptions.plan_version = plans.plan_version
    inner join parameters on assumptions.parameter = parameters.parameter
    where assumptions.value is not null
)

select
    plan_version,
    parameter,
    measure,
    unit,
    from_stage,
    to_stage,
    {{ cell() }},
    -- one row a cell; of a channel, the mean over the cells that it feeds
    avg(assumed_value) as assumed_value
from assumptions
group by plan_version, parameter, measure, unit, from_stage, to_stage, {{ cell() }}
