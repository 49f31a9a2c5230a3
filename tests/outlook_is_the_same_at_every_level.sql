-- What is booked, expected and wanted is the same company-wide and by segment, and the chances of open
-- opportunities add up to what is expected of them.
with company as (
    select * from {{ ref('bookings_outlook') }}
    where cell_level = 'company'
),

segments as (
    select
        fiscal_quarter,
        creation_basis,
        sum(booked_amount) as booked_amount,
        sum(open_expected_amount) as open_expected_amount,
        sum(creation_expected_amount) as creation_expected_amount,
        sum(bookings_goal) as bookings_goal,
        count(*) as segment_count
    from {{ ref('bookings_outlook') }}
    where cell_level = 'segment'
    group by fiscal_quarter, creation_basis
),

deals as (
    select
        calendar.fiscal_quarter,
        sum(deals.amount_if_won * chances.win_probability) as open_expected_amount
    from {{ ref('int_outlook__open_deals') }} as deals
    inner join {{ ref('int_outlook__win_chances') }} as chances
        on
            deals.segment = chances.segment
            and deals.deal_type = chances.deal_type
            and deals.stage_number = chances.stage_number
            and deals.age_days = chances.age_days
    inner join {{ ref('int_calendar') }} as calendar on chances.fiscal_month = calendar.date_day
    group by calendar.fiscal_quarter
)

select
    company.fiscal_quarter,
    company.creation_basis
from company
left join segments
    on company.fiscal_quarter = segments.fiscal_quarter and company.creation_basis = segments.creation_basis
left join deals on company.fiscal_quarter = deals.fiscal_quarter
where
    not coalesce(
        company.booked_amount = segments.booked_amount
        and coalesce(company.bookings_goal, 0) = coalesce(segments.bookings_goal, 0)
        -- each row is rounded to cents
        and abs(company.open_expected_amount - segments.open_expected_amount) <= 0.01 * segments.segment_count
        and abs(company.creation_expected_amount - segments.creation_expected_amount) <= 0.01 * segments.segment_count
        and abs(company.open_expected_amount - coalesce(deals.open_expected_amount, 0)) <= 1,
        false
    )
