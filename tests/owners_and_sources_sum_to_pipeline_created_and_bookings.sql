-- Pipeline created and bookings of the last two years are one number: in the list of opportunities,
-- by segment, by owner, and by source within each segment and over all.
with expected as (
    select
        periods.period,
        sum(case when opportunities.happened = 'created' then 1 else 0 end) as created_count,
        sum(case when opportunities.happened = 'created' then opportunities.amount else 0 end) as created_amount,
        sum(case when opportunities.happened = 'won' then 1 else 0 end) as won_count,
        sum(case when opportunities.happened = 'won' then opportunities.amount else 0 end) as bookings
    from (
        select
            'created' as happened,
            cast(qualified_at as date) as happened_on,
            created_amount as amount
        from {{ ref('pipeline_created') }}
        union all
        select
            'won' as happened,
            closed_on as happened_on,
            coalesce(amount, 0) as amount
        from {{ ref('opportunities') }}
        where outcome = 'won'
    ) as opportunities
    inner join {{ ref('int_amounts__periods') }} as periods
        on opportunities.happened_on >= periods.starts_on and opportunities.happened_on < periods.ends_before
    group by periods.period
),

published as (
    select
        'amount_growth' as mart,
        period,
        grain_level,
        sum(created_count) as created_count,
        sum(created_amount) as created_amount,
        sum(won_count) as won_count,
        sum(bookings) as bookings
    from {{ ref('amount_growth') }}
    group by period, grain_level
    union all
    select
        'source_efficiency' as mart,
        period,
        grain_level,
        sum(created_count) as created_count,
        sum(created_amount) as created_amount,
        sum(won_count) as won_count,
        sum(bookings) as bookings
    from {{ ref('source_efficiency') }}
    group by period, grain_level
)

select
    published.mart,
    published.period,
    published.grain_level,
    expected.created_count as expected_created_count,
    published.created_count,
    expected.created_amount as expected_created_amount,
    published.created_amount,
    expected.won_count as expected_won_count,
    published.won_count,
    expected.bookings as expected_bookings,
    published.bookings
from expected
left join published on expected.period = published.period
where
    published.mart is null
    or published.created_count <> expected.created_count
    or published.created_amount <> expected.created_amount
    or published.won_count <> expected.won_count
    or published.bookings <> expected.bookings
