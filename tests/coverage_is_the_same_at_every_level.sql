-- Whatever adds up gives the company's figure at each level; goals at each level that has goals.
with sums as (
    select
        as_of_date,
        close_quarter,
        cell_level,
        sum(open_count_raw) as open_count_raw,
        sum(open_amount_raw) as open_amount_raw,
        sum(open_count_real) as open_count_real,
        sum(open_amount_real) as open_amount_real,
        sum(weighted_amount) as weighted_amount,
        sum(won_to_date) as won_to_date,
        sum(bookings_goal) as bookings_goal,
        count(*) as row_count
    from {{ ref('pipeline_coverage') }}
    group by as_of_date, close_quarter, cell_level
),

quarters as (
    select distinct
        as_of_date,
        close_quarter
    from {{ ref('pipeline_coverage') }}
)

select
    quarters.as_of_date,
    quarters.close_quarter,
    levels.cell_level,
    sums.open_amount_raw,
    company.open_amount_raw as company_open_amount_raw,
    sums.won_to_date,
    company.won_to_date as company_won_to_date,
    sums.bookings_goal,
    company.bookings_goal as company_bookings_goal
from quarters
cross join {{ ref('cell_levels') }} as levels
left join sums
    on
        quarters.as_of_date = sums.as_of_date
        and quarters.close_quarter = sums.close_quarter
        and levels.cell_level = sums.cell_level
left join sums as company
    on
        quarters.as_of_date = company.as_of_date
        and quarters.close_quarter = company.close_quarter
        and company.cell_level = 'company'
where
    -- a level of the estimates only
    levels.is_published = 1
    and (
        company.row_count is null
        or coalesce(sums.open_count_raw, 0) <> company.open_count_raw
        or coalesce(sums.open_amount_raw, 0) <> company.open_amount_raw
        or coalesce(sums.open_count_real, 0) <> company.open_count_real
        or coalesce(sums.open_amount_real, 0) <> company.open_amount_real
        or coalesce(sums.won_to_date, 0) <> company.won_to_date
        -- each row is rounded to the cent
        or abs(coalesce(sums.weighted_amount, 0) - company.weighted_amount) > 0.01 * (1 + coalesce(sums.row_count, 0))
        or coalesce(sums.bookings_goal, 0) <> case
            when levels.by_pipeline_source + levels.by_custom_dimension = 0 then coalesce(company.bookings_goal, 0)
            else 0
        end
    )
