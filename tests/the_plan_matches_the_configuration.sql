{%- set standard = ['segment', 'deal_type', 'territory', 'pipeline_source'] -%}
{{ config(severity='warn') }}
-- Targets made under other definitions stand in other cells, or count another stage: make a new plan.
select
    plan_versions.plan_version,
    'qualifying_stage' as difference
from {{ ref('plan_versions') }} as plan_versions
inner join {{ ref('int_plan_in_force') }} as plan_in_force
    on plan_versions.plan_version = plan_in_force.plan_version
inner join {{ ref('int_calendar') }} as calendar on plan_in_force.fiscal_month = calendar.date_day
inner join {{ ref('int_as_of') }} as as_of on calendar.date_day <= as_of.as_of_date
where plan_versions.qualifying_stage <> {{ var('qualifying_stage') }}
group by plan_versions.plan_version
union
select
    targets.plan_version,
    'plan_dimensions' as difference
from {{ ref('pipeline_targets') }} as targets
inner join {{ ref('int_plan_in_force') }} as plan_in_force
    on targets.plan_version = plan_in_force.plan_version and targets.fiscal_month = plan_in_force.fiscal_month
where
    {% for dimension in standard -%}
    (targets.{{ dimension }} <> 'all') <> {{ dimension in var('plan_dimensions') }}
    or {% endfor -%}
    (targets.custom_dimension <> 'all') <> {{ (var('plan_dimensions') | reject('in', standard) | list | length) > 0 }}
