{#- The time to win as the curves show it, and whether a quarter is slower than the four before it. -#}
with rates as (
    select
        rates.*,
        windows.window_kind,
        calendar.quarter_index
    from {{ ref('int_estimates__rates') }} as rates
    inner join {{ ref('int_estimates__windows') }} as windows on rates.estimation_window = windows.estimation_window
    inner join {{ ref('int_calendar') }} as calendar on windows.starts_on = calendar.date_day
    where
        windows.window_kind in ('quarter', 'trailing_year')
        and rates.from_stage = {{ var('qualifying_stage') }}
        and rates.to_stage = {{ var('won_stage') }}
),

-- Mean days on a logarithmic scale, where a delay is a difference and quarters of one size err
-- alike; with the squared coefficient of variation of one win. Only where enough was won to know it.
quarters as (
    select
        estimation_window,
        quarter_index,
        cell_level,
        {{ cell() }},
        cast(n_advanced as {{ type_double() }}) as n,
        ln(mean_days) as log_days,
        power(mean_days_std_error / mean_days, 2) * n_advanced * n_advanced / (n_advanced - 1) as win_variance
    from rates
    where
        window_kind = 'quarter'
        and n_advanced >= {{ var('minimum_sample') }}
        and n_advanced > 1
        and mean_days > 0
),

preceding as (
    select
        latest.estimation_window,
        latest.cell_level,
        {{ cell('latest') }},
        avg(earlier.log_days) as log_days,
        -- of the mean of four, in units of the variance of one win
        sum(1 / earlier.n) / 16 as variance_units,
        sum(earlier.n) as n,
        sum(earlier.n * earlier.win_variance) as total_variance
    from quarters as latest
    inner join quarters as earlier
        on
            latest.cell_level = earlier.cell_level
            and {{ same_cell('latest', 'earlier') }}
            and earlier.quarter_index between latest.quarter_index - 4 and latest.quarter_index - 1
    group by latest.estimation_window, latest.cell_level, {{ cell('latest') }}
    having count(*) = 4
),

-- How far the logarithm lies above the mean of the four, in standard errors: what one win varies by
-- is taken to be the same in all five quarters, so that no quarter is judged by its own luck.
compared as (
    select
        latest.estimation_window,
        latest.cell_level,
        {{ cell('latest') }},
        exp(preceding.log_days) as usual_mean_days,
        (latest.log_days - preceding.log_days) / nullif(
            sqrt(
                (1 / latest.n + preceding.variance_units)
                * (latest.n * latest.win_variance + preceding.total_variance) / (latest.n + preceding.n)
            ), 0
        ) as slower_z
    from quarters as latest
    inner join preceding
        on
            latest.estimation_window = preceding.estimation_window
            and latest.cell_level = preceding.cell_level
            and {{ same_cell('latest', 'preceding') }}
)

select
    rates.estimation_window,
    rates.cell_level,
    {{ cell('rates') }},
    rates.n,
    rates.n_advanced,
    rates.rate,
    rates.std_error,
    rates.mean_days,
    rates.mean_days_std_error,
    rates.p25_days,
    rates.median_days,
    rates.p75_days,
    rates.median_days_to_loss,
    compared.usual_mean_days,
    compared.slower_z
from rates
left join compared
    on
        rates.estimation_window = compared.estimation_window
        and rates.cell_level = compared.cell_level
        and {{ same_cell('rates', 'compared') }}
