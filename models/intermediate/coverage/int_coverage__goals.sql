-- Finance's goals as they were in force at each snapshot: for each month the version approved last by
-- then. The rule of int_goals, on every day.
with goals as (
    select
        quarters.as_of_date,
        quarters.horizon,
        goals.fiscal_month,
        goals.version,
        {% for dimension in ['segment', 'deal_type', 'territory'] -%}
        {{ 'goals.' ~ dimension if dimension in var('plan_dimensions') else "'all'" }} as {{ dimension }},
        {% endfor -%}
        goals.bookings_goal,
        coalesce(goals.approved_at, cast('1900-01-01' as date)) as approved_at
    from {{ ref('bookings_goals') }} as goals
    inner join {{ ref('int_coverage__quarters') }} as quarters
        on
            goals.fiscal_month >= quarters.close_quarter_start
            and goals.fiscal_month < quarters.next_quarter_start
            and coalesce(goals.approved_at, cast('1900-01-01' as date)) <= quarters.as_of_date
),

versions as (
    select
        as_of_date,
        fiscal_month,
        version,
        row_number() over (partition by as_of_date, fiscal_month order by max(approved_at) desc, version desc) as recency
    from goals
    group by as_of_date, fiscal_month, version
)

select
    goals.as_of_date,
    goals.horizon,
    goals.segment,
    goals.deal_type,
    goals.territory,
    sum(goals.bookings_goal) as bookings_goal
from goals
inner join versions
    on
        goals.as_of_date = versions.as_of_date
        and goals.fiscal_month = versions.fiscal_month
        and goals.version = versions.version
        and versions.recency = 1
group by goals.as_of_date, goals.horizon, goals.segment, goals.deal_type, goals.territory
