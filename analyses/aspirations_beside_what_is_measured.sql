-- What somebody would like, beside what the plan in force assumed and what has happened since. An
-- aspiration changes no target: the way to it is measured here until it is true.
select
    aspirations.parameter,
    aspirations.segment,
    aspirations.deal_type,
    aspirations.territory,
    aspirations.pipeline_source,
    aspirations.custom_dimension,
    aspirations.value as aspired,
    drift.assumed,
    drift.actual,
    drift.lower,
    drift.upper,
    drift.n,
    drift.actual - aspirations.value as gap,
    aspirations.author,
    aspirations.reason,
    aspirations.set_on,
    drift.plan_version,
    drift.as_of_date
from {{ ref('aspirations') }} as aspirations
left join {{ ref('assumption_drift') }} as drift
    on
        aspirations.parameter = drift.parameter
        and drift.is_plan_in_force
        {% for column in cell_columns() -%}
        and aspirations.{{ column }} is not distinct from drift.{{ column }}
        {% endfor -%}
order by aspirations.parameter, aspirations.set_on
