{%- set measures = ['open_count_raw', 'open_amount_raw', 'open_count_real', 'open_amount_real', 'open_squares_real',
    'weighted_amount', 'won_to_date', 'largest_deal_amount', 'bookings_goal'] -%}
-- Open pipeline, bookings, the largest deal and goals at each snapshot one below the other, ready to
-- be summed.
with quarters as (
    select * from {{ ref('int_coverage__quarters') }}
),

-- The company's own chance of winning from each stage; never the CRM's default probabilities.
stage_rates as (
    select
        cell_level,
        segment,
        deal_type,
        from_stage,
        -- a decimal, so that the sum does not depend on its order
        cast(rate as decimal(12, 9)) as rate
    from {{ ref('int_estimates__rates') }}
    where
        estimation_window = 'all_time'
        and to_stage = {{ var('won_stage') }}
        and (cell_level = 'company' or (cell_level = 'segment_deal_type' and n >= {{ var('minimum_sample') }}))
),

standing as (
    select
        quarters.as_of_date,
        quarters.horizon,
        {{ cell('cells') }},
        pipeline.open_count_raw,
        pipeline.open_amount_raw,
        pipeline.open_count_real,
        pipeline.open_amount_real,
        pipeline.open_squares_real,
        cast(pipeline.open_amount_real as decimal(18, 2)) * coalesce(own_rates.rate, company_rates.rate, 0) as weighted_amount,
        pipeline.won_amount as won_to_date
    from {{ ref('int_snapshots__pipeline') }} as pipeline
    inner join quarters
        on pipeline.snapshot_day = quarters.as_of_date and pipeline.close_quarter_start = quarters.close_quarter_start
    inner join {{ ref('int_cells') }} as cells on pipeline.cell_key = cells.cell_key
    left join stage_rates as own_rates
        on
            own_rates.cell_level = 'segment_deal_type'
            and cells.segment = own_rates.segment
            and cells.deal_type = own_rates.deal_type
            and pipeline.stage_number = own_rates.from_stage
    left join stage_rates as company_rates
        on company_rates.cell_level = 'company' and pipeline.stage_number = company_rates.from_stage
)

select
    as_of_date,
    horizon,
    {{ cell() }},
    {% for measure in measures[:7] -%}
    {{ measure }},
    {% endfor -%}
    0 as largest_deal_amount,
    0 as bookings_goal
from standing
union all
select
    quarters.as_of_date,
    quarters.horizon,
    {{ cell('cells') }},
    {% for measure in measures[:7] -%}
    0 as {{ measure }},
    {% endfor -%}
    largest.largest_amount as largest_deal_amount,
    0 as bookings_goal
from {{ ref('int_snapshots__largest') }} as largest
inner join quarters
    on largest.snapshot_day = quarters.as_of_date and largest.close_quarter_start = quarters.close_quarter_start
inner join {{ ref('int_cells') }} as cells on largest.cell_key = cells.cell_key
union all
-- Goals are set by segment, deal type and territory; no source is promised a booking.
select
    as_of_date,
    horizon,
    segment,
    deal_type,
    territory,
    '*' as pipeline_source,
    '*' as custom_dimension,
    {% for measure in measures[:8] -%}
    0 as {{ measure }},
    {% endfor -%}
    bookings_goal
from {{ ref('int_coverage__goals') }}
