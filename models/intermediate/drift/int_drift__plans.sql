-- The plans that speak for some month of their own, and the days since each was made: what happened
-- then is what its assumptions are held against.
with as_of as (
    select
        as_of.as_of_date,
        calendar.fiscal_month
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

in_force as (
    select
        plan_in_force.plan_version,
        -- whether the month of the as-of date is one of its months
        max(case when plan_in_force.fiscal_month = as_of.fiscal_month then 1 else 0 end) as speaks_now
    from {{ ref('int_plan_in_force') }} as plan_in_force
    inner join {{ ref('plan_versions') }} as plan_versions
        on
            plan_in_force.plan_version = plan_versions.plan_version
            and plan_in_force.fiscal_month >= plan_versions.first_month
    cross join as_of
    group by plan_in_force.plan_version
)

select
    plan_versions.plan_version,
    in_force.speaks_now = 1 as is_plan_in_force,
    -- what came before the history is known by its survivors only
    greatest(
        cast({{ dbt.dateadd('day', 1, 'plan_versions.as_of_date') }} as date),
        cast('{{ var("history_starts_on") or var("calendar_first_day") }}' as date)
    ) as starts_on,
    as_of.as_of_date as last_day,
    plan_versions.first_month,
    plan_versions.last_month,
    {{ dbt.datediff('plan_versions.first_month', 'plan_versions.last_month', 'month') }} + 1 as month_count
from {{ ref('plan_versions') }} as plan_versions
inner join in_force on plan_versions.plan_version = in_force.plan_version
cross join as_of
