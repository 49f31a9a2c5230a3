-- How far earlier forecasts of the same cell, made as many weeks before, were off: of quarters that had
-- started by the snapshot, and never of what was to come. The variance of a sum of deals grows with the
-- sum, so that a miss is told per dollar forecast.
with forecasts as (
    select * from {{ ref('int_starting__forecasts') }}
),

misses as (
    select
        *,
        -- a decimal, so that the mean does not depend on the order of the sum
        cast(power(cast(start_amount - forecast_amount as {{ type_double() }}), 2) / forecast_amount as decimal(28, 4)) as dispersion
    from forecasts
    where has_started and stands_for_week and forecast_amount > 0
)

select
    forecasts.snapshot_day,
    forecasts.horizon,
    forecasts.cell_level,
    {{ cell('forecasts') }},
    cast(count(*) as integer) as quarter_count,
    {{ ratio('sum(misses.dispersion)', 'count(*)') }} as dispersion
from forecasts
inner join misses
    on
        forecasts.cell_level = misses.cell_level
        and {{ same_cell('forecasts', 'misses') }}
        and forecasts.weeks_to_start = misses.weeks_to_start
        and forecasts.snapshot_day >= misses.close_quarter_start
        and forecasts.quarter_index - misses.quarter_index <= {{ var('starting_error_quarters') }} + forecasts.horizon - 1
group by forecasts.snapshot_day, forecasts.horizon, forecasts.cell_level, {{ cell('forecasts') }}
