-- Open pipeline, bookings and goals of each quarter one below the other, ready to be summed.
with quarters as (
    select * from {{ ref('int_coverage__quarters') }}
),

opportunities as (
    select
        {{ cell('attributes') }},
        current_state.outcome,
        current_state.stage_number,
        current_state.pipeline_status,
        current_state.close_date,
        current_state.closed_on,
        coalesce(current_state.amount, 0) as amount
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
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
        opportunities.amount,
        case when opportunities.pipeline_status = 'real' then 1 else 0 end as is_real,
        coalesce(own_rates.rate, company_rates.rate) as win_probability
    from opportunities
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
)

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
    opportunities.amount as won_to_date,
    0 as bookings_goal
from opportunities
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
