-- Finance's goals and the days on which each is in force. This is the rule, and it stands here alone: a version's
-- goals of a month are in force from their approval until those of another version for the same month are approved.
-- A version that says nothing about a month leaves it alone. A dimension that is not planned by is 'all'.
with goals as (
    select
        fiscal_month,
        {% for dimension in ['segment', 'deal_type', 'territory'] -%}
        {{ dimension if dimension in var('plan_dimensions') else "'all' as " ~ dimension }},
        {% endfor -%}
        version as goals_version,
        bookings_goal,
        coalesce(approved_at, cast('1900-01-01' as date)) as approved_at
    from {{ ref('bookings_goals') }}
),

approvals as (
    select
        fiscal_month,
        goals_version,
        max(approved_at) as approved_at
    from goals
    group by fiscal_month, goals_version
),

-- Of two approved on one day the last by name is in force from that day on; the other never is.
spans as (
    select
        fiscal_month,
        goals_version,
        approved_at as in_force_from,
        coalesce(
            lead(approved_at) over (partition by fiscal_month order by approved_at, goals_version),
            cast('2999-12-31' as date)
        ) as in_force_until
    from approvals
)

select
    goals.fiscal_month,
    goals.segment,
    goals.deal_type,
    goals.territory,
    goals.goals_version,
    spans.in_force_from,
    spans.in_force_until,
    sum(goals.bookings_goal) as bookings_goal
from goals
inner join spans on goals.fiscal_month = spans.fiscal_month and goals.goals_version = spans.goals_version
where spans.in_force_from < spans.in_force_until
group by
    goals.fiscal_month,
    goals.segment,
    goals.deal_type,
    goals.territory,
    goals.goals_version,
    spans.in_force_from,
    spans.in_force_until
