with quarters as (
    select * from {{ ref('int_coverage__quarters') }}
),

facts as (
    select * from {{ ref('int_coverage__facts') }}
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
        on
            levels.is_published = 1
            and (facts.pipeline_source <> '*' or levels.by_pipeline_source + levels.by_custom_dimension = 0)
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
