{#- What stands already, by goal cell and month: won, to be expected of open opportunities, and the goal. -#}
{%- set goal_cell = 'segment, deal_type, territory' -%}
-- Opportunities of one goal cell, stage and age have one chance: at most a few thousand rows.
with deals as (
    select
        {{ goal_cell }},
        stage_number,
        age_days,
        growth_variance,
        count(*) as deal_count,
        sum(amount_if_won) as amount_if_won,
        sum(amount_if_won * amount_if_won) as amount_squared
    from {{ ref('int_outlook__open_deals') }}
    group by {{ goal_cell }}, stage_number, age_days, growth_variance
),

facts as (
    select
        chances.fiscal_month,
        deals.segment,
        deals.deal_type,
        deals.territory,
        0 as booked_count,
        0 as booked_amount,
        deals.deal_count * chances.win_probability as open_expected_count,
        deals.amount_if_won * chances.win_probability as open_expected_amount,
        cast(deals.amount_squared as {{ type_double() }}) * cast(chances.win_probability * (1 + deals.growth_variance) as {{ type_double() }})
            as open_second_moment,
        0 as bookings_goal
    from deals
    inner join {{ ref('int_outlook__win_chances') }} as chances
        on
            deals.segment = chances.segment
            and deals.deal_type = chances.deal_type
            and deals.stage_number = chances.stage_number
            and deals.age_days = chances.age_days
    union all
    select
        calendar.fiscal_month,
        attributes.segment,
        attributes.deal_type,
        attributes.territory,
        1 as booked_count,
        coalesce(current_state.amount, 0) as booked_amount,
        0 as open_expected_count,
        0 as open_expected_amount,
        0 as open_second_moment,
        0 as bookings_goal
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_calendar') }} as calendar on current_state.closed_on = calendar.date_day
    where current_state.outcome = 'won'
    union all
    select
        fiscal_month,
        {{ goal_cell }},
        0 as booked_count,
        0 as booked_amount,
        0 as open_expected_count,
        0 as open_expected_amount,
        0 as open_second_moment,
        bookings_goal
    from {{ ref('int_goals') }}
),

months as (
    select
        fiscal_month,
        fiscal_quarter
    from {{ ref('int_calendar') }}
    where date_day = fiscal_month
)

select
    facts.fiscal_month,
    months.fiscal_quarter,
    facts.segment,
    facts.deal_type,
    facts.territory,
    cast(sum(facts.booked_count) as integer) as booked_count,
    cast(sum(facts.booked_amount) as {{ money_type() }}) as booked_amount,
    cast(sum(facts.open_expected_count) as decimal(18, 6)) as open_expected_count,
    cast(sum(facts.open_expected_amount) as {{ money_type() }}) as open_expected_amount,
    sum(facts.open_second_moment) as open_second_moment,
    cast(sum(facts.bookings_goal) as {{ money_type() }}) as bookings_goal
from facts
inner join months on facts.fiscal_month = months.fiscal_month
group by facts.fiscal_month, months.fiscal_quarter, facts.segment, facts.deal_type, facts.territory
