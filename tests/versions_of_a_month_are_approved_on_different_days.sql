{{ config(severity='warn') }}
-- Which of two versions of the goals is in force for a month, the days of their approval say. Where these are the
-- same, the marts take the last by name, and the planner asks for one.
with approvals as (
    select
        fiscal_month,
        version,
        max(approved_at) as approved_at
    from {{ ref('bookings_goals') }}
    group by fiscal_month, version
)

select
    fiscal_month,
    approved_at,
    min(version) as first_version,
    max(version) as last_version
from approvals
group by fiscal_month, approved_at
having count(*) > 1
