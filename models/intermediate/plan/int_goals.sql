-- Finance's goals in force on the as-of date; the rule is that of int_goals__spans.
select
    goals.fiscal_month,
    goals.segment,
    goals.deal_type,
    goals.territory,
    goals.goals_version,
    goals.bookings_goal
from {{ ref('int_goals__spans') }} as goals
inner join {{ ref('int_as_of') }} as as_of
    on goals.in_force_from <= as_of.as_of_date and goals.in_force_until > as_of.as_of_date
