-- Every recorded forecast beside what came, and beside the forecast of the rule of thumb "as last year".
with today as (
    select as_of_date from {{ ref('int_as_of') }}
),

recorded as (
    select
        forecasts.*,
        coalesce(forecasts.segment, '*') as level_segment,
        methods.method_kind,
        today.as_of_date as measured_as_of_date,
        forecasts.vintage_number = max(forecasts.vintage_number) over (partition by forecasts.as_of_date) as is_latest_vintage,
        cast({{ dbt.datediff('forecasts.as_of_date', 'forecasts.due_on', 'day') }} as integer) as horizon_days
    from {{ ref('backtest_forecasts') }} as forecasts
    inner join today on forecasts.as_of_date <= today.as_of_date
    left join {{ ref('forecast_methods') }} as methods
        on forecasts.measure = methods.measure and forecasts.method = methods.method
),

measured as (
    select
        recorded.*,
        case when recorded.due_on <= recorded.measured_as_of_date then actuals.actual end as actual,
        naive.forecast as naive_forecast
    from recorded
    left join {{ ref('int_accuracy__actuals') }} as actuals
        on
            recorded.measure = actuals.measure
            and recorded.fiscal_quarter_start = actuals.fiscal_quarter_start
            and recorded.cell_level = actuals.cell_level
            and recorded.level_segment = actuals.segment
    left join recorded as naive
        on
            naive.method = 'last_year'
            and recorded.as_of_date = naive.as_of_date
            and recorded.vintage_number = naive.vintage_number
            and recorded.measure = naive.measure
            and recorded.fiscal_quarter_start = naive.fiscal_quarter_start
            and recorded.cell_level = naive.cell_level
            and recorded.level_segment = naive.level_segment
)

select
    as_of_date,
    vintage_number,
    is_latest_vintage,
    measure,
    method,
    method_kind,
    fiscal_quarter,
    fiscal_quarter_start,
    due_on,
    horizon_days,
    -- by thirds of a month, so that dates of one rhythm fall together though months differ in length
    cast(round(round(horizon_days * 36 / 365.25) * 52 / 36) as integer) as horizon_weeks,
    cell_level,
    segment,
    forecast,
    p10,
    p50,
    p90,
    actual,
    cast(forecast - actual as decimal(28, 2)) as error,
    cast(abs(forecast - actual) as decimal(28, 2)) as absolute_error,
    naive_forecast,
    cast(naive_forecast - actual as decimal(28, 2)) as naive_error,
    cast(
        (
            {{ pinball_loss('actual', 'coalesce(p10, forecast)', 0.1) }}
            + {{ pinball_loss('actual', 'coalesce(p50, forecast)', 0.5) }}
            + {{ pinball_loss('actual', 'coalesce(p90, forecast)', 0.9) }}
        ) / 3.0 as decimal(28, 4)
    ) as pinball_loss,
    case when actual is not null and p10 is not null then actual between p10 and p90 end as interval_hit,
    model_version,
    data_as_of_date,
    data_as_of_date = as_of_date as is_made_that_day,
    measured_as_of_date
from measured
