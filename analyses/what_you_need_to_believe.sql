-- What would have to be true for next year's goals, if only one thing changed against the last twelve
-- months: how many wins, at which win rate, at which amount, or in which time? (One lever at a time; the
-- win rate here is the period win rate of the velocity formula, not the cohort close rate.)
with as_of as (
    select
        as_of.as_of_date,
        calendar.fiscal_month
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

-- the twelve months after the current one
goals as (
    select sum(goals.bookings_goal) as bookings_goal
    from {{ ref('int_goals') }} as goals
    inner join as_of
        on
            goals.fiscal_month > as_of.fiscal_month
            and goals.fiscal_month <= {{ dbt.dateadd('month', 12, 'as_of.fiscal_month') }}
),

now as (
    select * from {{ ref('sales_velocity') }}
    where period_kind = 'trailing_year' and cell_level = 'company'
),

believed as (
    select
        cast(goals.bookings_goal as {{ type_double() }}) as bookings_goal,
        now.won_count,
        now.won_count + now.lost_count as decided_count,
        now.win_rate,
        now.average_amount,
        now.cycle_days,
        {{ ratio('goals.bookings_goal', 'now.average_amount') }} as wins_needed
    from goals
    cross join now
)

select
    bookings_goal,
    won_count,
    wins_needed,
    -- the same win rate on more decisions, or a better one on as many
    decided_count,
    wins_needed / win_rate as decided_needed,
    win_rate,
    {{ ratio('wins_needed', 'decided_count') }} as win_rate_needed,
    -- as many wins, each larger
    average_amount,
    {{ ratio('bookings_goal', 'won_count') }} as amount_needed,
    -- as many at a time, but faster through
    cycle_days,
    cycle_days * {{ ratio('won_count', 'wins_needed') }} as cycle_days_needed
from believed
