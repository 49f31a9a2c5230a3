-- Every target ever set, as far as it was known by the as-of date.
select
    targets.plan_version,
    targets.fiscal_month,
    calendar.fiscal_quarter,
    {{ cell('targets') }},
    targets.funnel_step,
    targets.target_count,
    targets.target_amount,
    targets.target_count_p80,
    targets.target_amount_p80,
    targets.unreachable_count,
    targets.unreachable_amount as unreachable_gap,
    plans.method,
    plans.as_of_date as plan_as_of_date,
    plan_in_force.plan_version = targets.plan_version as is_plan_in_force,
    as_of.as_of_date
from {{ ref('pipeline_targets') }} as targets
cross join {{ ref('int_as_of') }} as as_of
inner join {{ ref('plan_versions') }} as plans
    on targets.plan_version = plans.plan_version and as_of.as_of_date >= plans.as_of_date
inner join {{ ref('int_calendar') }} as calendar on targets.fiscal_month = calendar.date_day
inner join {{ ref('int_plan_in_force') }} as plan_in_force on targets.fiscal_month = plan_in_force.fiscal_month
