-- The plan each month is measured by: the latest vintage that covers it. Next year's plan leaves
-- this year's targets alone; a month that no plan covers goes with the latest vintage.
with plans as (
    select
        plan_versions.plan_version,
        plan_versions.as_of_date,
        plan_versions.first_month,
        plan_versions.last_month
    from {{ ref('plan_versions') }} as plan_versions
    inner join {{ ref('int_as_of') }} as as_of on plan_versions.as_of_date <= as_of.as_of_date
),

months as (
    select distinct fiscal_month from {{ ref('int_calendar') }}
),

ranked as (
    select
        months.fiscal_month,
        plans.plan_version,
        row_number() over (
            partition by months.fiscal_month
            order by
                case when months.fiscal_month between plans.first_month and plans.last_month then 0 else 1 end,
                plans.as_of_date desc,
                plans.plan_version desc
        ) as preference
    from months
    cross join plans
)

select
    fiscal_month,
    plan_version
from ranked
where preference = 1
