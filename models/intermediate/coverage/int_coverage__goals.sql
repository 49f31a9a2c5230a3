-- Finance's goals as they were in force at each snapshot; the rule is that of int_goals__spans.
select
    quarters.as_of_date,
    quarters.horizon,
    goals.segment,
    goals.deal_type,
    goals.territory,
    sum(goals.bookings_goal) as bookings_goal
from {{ ref('int_goals__spans') }} as goals
inner join {{ ref('int_coverage__quarters') }} as quarters
    on
        goals.fiscal_month >= quarters.close_quarter_start
        and goals.fiscal_month < quarters.next_quarter_start
        and goals.in_force_from <= quarters.as_of_date
        and goals.in_force_until > quarters.as_of_date
group by quarters.as_of_date, quarters.horizon, goals.segment, goals.deal_type, goals.territory
