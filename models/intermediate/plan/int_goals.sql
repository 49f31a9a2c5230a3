-- Finance's goals in force: for each month the version approved last, of those approved by the
-- as-of date. Next year's goals leave this year's alone. A dimension that is not planned by is 'all'.
with goals as (
    select goals.*
    from {{ ref('bookings_goals') }} as goals
    inner join {{ ref('int_as_of') }} as as_of
        on coalesce(goals.approved_at, as_of.as_of_date) <= as_of.as_of_date
),

versions as (
    select
        fiscal_month,
        version,
        row_number() over (
            partition by fiscal_month
            order by coalesce(max(approved_at), cast('1900-01-01' as date)) desc, version desc
        ) as recency
    from goals
    group by fiscal_month, version
)

select
    goals.fiscal_month,
    {% for dimension in ['segment', 'deal_type', 'territory'] -%}
    {{ 'goals.' ~ dimension if dimension in var('plan_dimensions') else "'all'" }} as {{ dimension }},
    {% endfor -%}
    goals.version as goals_version,
    sum(goals.bookings_goal) as bookings_goal
from goals
inner join versions
    on
        goals.fiscal_month = versions.fiscal_month
        and goals.version = versions.version
        and versions.recency = 1
group by 1, 2, 3, 4, 5
