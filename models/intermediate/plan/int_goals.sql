-- Finance's goals in force: the version approved last. A dimension that is not planned by is 'all'.
with goals as (
    select * from {{ ref('bookings_goals') }}
),

in_force as (
    select version
    from goals
    group by version
    order by max(approved_at) desc, version desc
    limit 1
)

select
    goals.fiscal_month,
    {% for dimension in ['segment', 'deal_type', 'territory'] -%}
    {{ 'goals.' ~ dimension if dimension in var('plan_dimensions') else "'all'" }} as {{ dimension }},
    {% endfor -%}
    goals.version as goals_version,
    sum(goals.bookings_goal) as bookings_goal
from goals
inner join in_force on goals.version = in_force.version
group by 1, 2, 3, 4, 5
