{#-
    How much more is created in each month to come than in an average one of the last twelve, apart from
    the season. That average stands for the middle of the year, half a year ago; from today on growth goes
    on and dies away, as Gardner and McKenzie's damped trend does (Management Science 31, 1985): of the
    growth of today the share d^t is left after t years, (1 - d^t) / -ln d of it until then.
-#}
{%- set damping = var('creation_growth_damping') | float -%}
with ahead as (
    select
        *,
        {% if damping < 1 -%}
        0.5 + (1 - power({{ damping }}, years_ahead)) / (-ln({{ damping }})) as growth_years
        {%- else -%}
        0.5 + years_ahead as growth_years
        {%- endif %}
    from {{ ref('int_outlook__months') }}
)

select
    growth.cell_level,
    growth.segment,
    ahead.fiscal_month,
    ahead.growth_years,
    exp(growth.growth * ahead.growth_years) as growth_factor,
    growth.growth_std * ahead.growth_years as relative_std
from {{ ref('int_outlook__creation_growth') }} as growth
cross join ahead
