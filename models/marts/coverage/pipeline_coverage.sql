with as_of as (
    select
        as_of.as_of_date,
        calendar.quarter_index
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

-- This quarter and the next two.
quarters as (
    select distinct
        calendar.fiscal_quarter as close_quarter,
        calendar.fiscal_quarter_start as close_quarter_start,
        calendar.next_quarter_start,
        calendar.quarter_index - as_of.quarter_index as horizon,
        as_of.as_of_date
    from {{ ref('int_calendar') }} as calendar
    inner join as_of on calendar.quarter_index - as_of.quarter_index between 0 and 2
),

-- The company's own chance of winning from each stage; never the CRM's default probabilities.
stage_rates as (
    select
        cell_level,
        segment,
        deal_type,
        from_stage,
        rate
    from {{ ref('int_estimates__rates') }}
    where
        estimation_window = 'all_time'
        and to_stage = {{ var('won_stage') }}
        and (cell_level = 'company' or (cell_level = 'segment_deal_type' and n >= {{ var('minimum_sample') }}))
),

open_pipeline as (
    select
        quarters.horizon,
        {{ cell('opportunities') }},
        coalesce(opportunities.amount, 0) as amount,
        case when opportunities.pipeline_status = 'real' then 1 else 0 end as is_real,
        coalesce(own_rates.rate, company_rates.rate) as win_probability
    from {{ ref('opportunities') }} as opportunities
    inner join quarters
        on
            opportunities.close_date >= quarters.close_quarter_start
            and opportunities.close_date < quarters.next_quarter_start
    left join stage_rates as own_rates
        on
            own_rates.cell_level = 'segment_deal_type'
            and opportunities.segment = own_rates.segment
            and opportunities.deal_type = own_rates.deal_type
            and opportunities.stage_number = own_rates.from_stage
    left join stage_rates as company_rates
        on company_rates.cell_level = 'company' and opportunities.stage_number = company_rates.from_stage
    where opportunities.pipeline_status <> 'not_pipeline'
),

facts as (
    select
        horizon,
        {{ cell() }},
        1 as open_count_raw,
        amount as open_amount_raw,
        is_real as open_count_real,
        is_real * amount as open_amount_real,
        is_real * amount * win_probability as weighted_amount,
        is_real * amount as largest_deal_amount,
        0 as won_to_date,
        0 as bookings_goal
    from open_pipeline
    union all
    select
        quarters.horizon,
        {{ cell('opportunities') }},
        0 as open_count_raw,
        0 as open_amount_raw,
        0 as open_count_real,
        0 as open_amount_real,
        0 as weighted_amount,
        0 as largest_deal_amount,
        coalesce(opportunities.amount, 0) as won_to_date,
        0 as bookings_goal
    from {{ ref('opportunities') }} as opportunities
    inner join quarters
        on
            opportunities.closed_on >= quarters.close_quarter_start
            and opportunities.closed_on < quarters.next_quarter_start
    where opportunities.outcome = 'won'
    union all
    -- Goals are set by segment, deal type and territory; no source is promised a booking.
    select
        quarters.horizon,
        goals.segment,
        goals.deal_type,
        goals.territory,
        '*' as pipeline_source,
        '*' as custom_dimension,
        0 as open_count_raw,
        0 as open_amount_raw,
        0 as open_count_real,
        0 as open_amount_real,
        0 as weighted_amount,
        0 as largest_deal_amount,
        0 as won_to_date,
        goals.bookings_goal
    from {{ ref('int_goals') }} as goals
    inner join quarters
        on
            goals.fiscal_month >= quarters.close_quarter_start
            and goals.fiscal_month < quarters.next_quarter_start
),

levelled as (
    select
        facts.horizon,
        levels.cell_level,
        {{ cell_at_level('facts') }},
        facts.open_count_raw,
        facts.open_amount_raw,
        facts.open_count_real,
        facts.open_amount_real,
        facts.weighted_amount,
        facts.largest_deal_amount,
        facts.won_to_date,
        case when levels.by_pipeline_source + levels.by_custom_dimension = 0 then facts.bookings_goal end as bookings_goal
    from facts
    inner join {{ ref('cell_levels') }} as levels
        on facts.pipeline_source <> '*' or levels.by_pipeline_source + levels.by_custom_dimension = 0
),

summed as (
    select
        horizon,
        cell_level,
        {{ cell() }},
        sum(open_count_raw) as open_count_raw,
        sum(open_amount_raw) as open_amount_raw,
        sum(open_count_real) as open_count_real,
        sum(open_amount_real) as open_amount_real,
        sum(weighted_amount) as weighted_amount,
        max(largest_deal_amount) as largest_deal_amount,
        sum(won_to_date) as won_to_date,
        nullif(sum(bookings_goal), 0) as bookings_goal
    from levelled
    group by horizon, cell_level, {{ cell() }}
)

select
    quarters.as_of_date,
    quarters.close_quarter,
    quarters.close_quarter_start,
    cast(quarters.horizon as integer) as horizon,
    summed.cell_level,
    {{ published_cell('summed') }},
    cast(summed.open_count_raw as integer) as open_count_raw,
    cast(summed.open_amount_raw as decimal(28, 2)) as open_amount_raw,
    cast(summed.open_count_real as integer) as open_count_real,
    cast(summed.open_amount_real as decimal(28, 2)) as open_amount_real,
    cast(summed.weighted_amount as decimal(28, 2)) as weighted_amount,
    cast(summed.won_to_date as decimal(28, 2)) as won_to_date,
    cast(summed.bookings_goal as decimal(28, 2)) as bookings_goal,
    {{ ratio('summed.open_amount_real', 'summed.bookings_goal') }} as coverage_ratio,
    {{ ratio('summed.open_amount_raw', 'summed.bookings_goal') }} as coverage_ratio_raw,
    -- Once the goal is reached there is nothing left to cover.
    case
        when summed.bookings_goal > summed.won_to_date
            then {{ ratio('summed.open_amount_real', 'summed.bookings_goal - summed.won_to_date') }}
    end as to_go_coverage,
    policy.required_coverage,
    case
        when summed.bookings_goal is not null
            then cast(
                greatest(
                    policy.required_coverage * greatest(summed.bookings_goal - summed.won_to_date, 0) - summed.open_amount_real, 0
                ) as decimal(28, 2)
            )
    end as gap_amount,
    cast(summed.largest_deal_amount as decimal(28, 2)) as largest_deal_amount
from summed
inner join quarters on summed.horizon = quarters.horizon
left join {{ ref('coverage_policy') }} as policy on summed.horizon = policy.horizon
