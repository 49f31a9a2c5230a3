-- Every plan × month × cell, whether anything was created or planned there or not: without it
-- sums to date would stop short.
with plans as (
    select plan_versions.plan_version
    from {{ ref('plan_versions') }} as plan_versions
    inner join {{ ref('int_as_of') }} as as_of on plan_versions.as_of_date <= as_of.as_of_date
    union all
    select 'unplanned' as plan_version
    where not exists (select 1 from {{ ref('int_plan_in_force') }})
),

targets as (
    select
        fiscal_month,
        {{ cell() }}
    from {{ ref('pipeline_targets') }}
    union all
    select
        fiscal_month,
        {{ cell() }}
    from {{ ref('current_need') }}
),

-- A lead's channel is a cell too, but no opportunity is counted under it.
cells as (
    select {{ cell() }} from {{ ref('int_cells') }}
    where segment <> '*'
    union
    select {{ cell() }} from targets
),

known_months as (
    select cast(qualified_at as date) as known_on from {{ ref('int_opportunities__qualified') }}
    union all
    select fiscal_month as known_on from targets
),

horizon as (
    select
        min(known_on) as first_day,
        max(known_on) as last_day
    from known_months
),

months as (
    select distinct
        calendar.fiscal_month,
        calendar.fiscal_quarter,
        calendar.fiscal_year
    from {{ ref('int_calendar') }} as calendar
    inner join horizon on calendar.date_day between horizon.first_day and horizon.last_day
)

select
    plans.plan_version,
    months.fiscal_month,
    months.fiscal_quarter,
    months.fiscal_year,
    {{ cell('cells') }}
from plans
cross join months
cross join cells
