-- How far earlier forecasts of the same cell, made about as many weeks before, were off: of quarters that
-- had started by the snapshot, and never of what was to come.
with forecasts as (
    select * from {{ ref('int_starting__forecasts') }}
),

misses as (
    select
        *,
        power(cast(start_amount - forecast_amount as {{ type_double() }}) / forecast_amount, 2) as squared_miss
    from forecasts
    where has_started and stands_for_week and forecast_amount > 0
),

-- A quarter counts once, however many of its weeks are looked at.
by_quarter as (
    select
        forecasts.snapshot_day,
        forecasts.horizon,
        forecasts.cell_level,
        {{ cell('forecasts') }},
        misses.quarter_index,
        avg(misses.squared_miss) as squared_miss
    from forecasts
    inner join misses
        on
            forecasts.cell_level = misses.cell_level
            and {{ same_cell('forecasts', 'misses') }}
            and forecasts.snapshot_day >= misses.close_quarter_start
            and forecasts.quarter_index - misses.quarter_index <= {{ var('starting_trailing_quarters') }} + forecasts.horizon - 1
            and abs(forecasts.weeks_to_start - misses.weeks_to_start) <= 2
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
)

select
    snapshot_day,
    horizon,
    cell_level,
    {{ cell() }},
    cast(count(*) as integer) as quarter_count,
    -- a decimal, so that the mean does not depend on the order of the sum
    avg(cast(least(squared_miss, 100) as decimal(18, 9))) as relative_variance
from by_quarter
group by snapshot_day, horizon, cell_level, {{ cell() }}
