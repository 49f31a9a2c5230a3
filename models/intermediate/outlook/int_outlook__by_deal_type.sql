-- What stands in each quarter from the current one to the last with a goal, and at least in the next
-- outlook_quarters, by segment and deal type, the groups within which errors of the estimates are taken
-- to go together.
with today as (
    select calendar.quarter_index
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

goal_quarters as (
    select max(calendar.quarter_index) as last_quarter
    from {{ ref('int_goals') }} as goals
    inner join {{ ref('int_calendar') }} as calendar on goals.fiscal_month = calendar.date_day
),

quarters as (
    select distinct
        calendar.fiscal_quarter,
        calendar.fiscal_quarter_start
    from {{ ref('int_calendar') }} as calendar
    cross join today
    cross join goal_quarters
    where
        calendar.quarter_index between today.quarter_index and today.quarter_index + {{ var('outlook_quarters') }}
        or calendar.quarter_index between today.quarter_index and goal_quarters.last_quarter
),

standing as (
    select
        fiscal_quarter,
        segment,
        deal_type,
        sum(booked_amount) as booked_amount,
        sum(bookings_goal) as bookings_goal
    from {{ ref('int_outlook__standing') }}
    group by fiscal_quarter, segment, deal_type
),

deal_types as (
    select
        segment,
        deal_type
    from {{ ref('int_cells') }}
    where segment <> '*'
    union
    select
        segment,
        deal_type
    from standing
),

open_ranked as (
    select
        *,
        row_number() over (
            partition by fiscal_quarter, segment, deal_type
            order by {{ largest_deal_variance() }} desc nulls last, largest_deal_amount desc nulls last, territory
        ) as preference
    from {{ ref('int_outlook__quarters') }}
),

open_deals as (
    select
        fiscal_quarter,
        segment,
        deal_type,
        sum(open_expected_amount) as open_expected_amount,
        sum(open_variance) as open_variance,
        max(case when preference = 1 then largest_deal_amount end) as largest_deal_amount,
        max(case when preference = 1 then largest_deal_probability end) as largest_deal_probability,
        max(case when preference = 1 then largest_deal_growth_variance end) as largest_deal_growth_variance
    from open_ranked
    group by fiscal_quarter, segment, deal_type
),

-- Chances of open opportunities come from the same history as the win rate, and are as sure.
rates as (
    select
        cell_level,
        segment,
        deal_type,
        n_advanced,
        std_error / nullif(rate, 0) as relative_error
    from {{ ref('int_estimates__rates') }}
    where
        estimation_window = 'all_time'
        and from_stage = {{ var('qualifying_stage') }}
        and to_stage = {{ var('won_stage') }}
        and cell_level in ('company', 'segment_deal_type')
)

select
    quarters.fiscal_quarter,
    quarters.fiscal_quarter_start,
    deal_types.segment,
    deal_types.deal_type,
    cast(coalesce(standing.booked_amount, 0) as {{ money_type() }}) as booked_amount,
    cast(coalesce(standing.bookings_goal, 0) as {{ money_type() }}) as bookings_goal,
    cast(coalesce(open_deals.open_expected_amount, 0) as {{ money_type() }}) as open_expected_amount,
    coalesce(open_deals.open_variance, 0) as open_variance,
    coalesce(open_deals.open_expected_amount * coalesce(own.relative_error, company.relative_error), 0) as open_parameter_std,
    open_deals.largest_deal_amount,
    open_deals.largest_deal_probability,
    open_deals.largest_deal_growth_variance
from quarters
cross join deal_types
left join standing
    on quarters.fiscal_quarter = standing.fiscal_quarter and deal_types.segment = standing.segment and deal_types.deal_type = standing.deal_type
left join open_deals
    on
        quarters.fiscal_quarter = open_deals.fiscal_quarter
        and deal_types.segment = open_deals.segment
        and deal_types.deal_type = open_deals.deal_type
left join rates as own
    on
        own.cell_level = 'segment_deal_type'
        and deal_types.segment = own.segment
        and deal_types.deal_type = own.deal_type
        and own.n_advanced >= {{ var('minimum_events') }}
left join rates as company on company.cell_level = 'company'
