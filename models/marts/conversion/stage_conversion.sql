with rates as (
    select rates.*
    from {{ ref('int_estimates__rates') }} as rates
    inner join {{ ref('int_estimates__windows') }} as windows
        on rates.estimation_window = windows.estimation_window
    where windows.window_kind = 'planning'
)

select
    rates.estimation_window,
    cast(rates.from_stage as integer) as from_stage,
    cast(rates.to_stage as integer) as to_stage,
    {{ stage_step('rates.from_stage') }} || ' to ' || {{ stage_step('rates.to_stage') }} as transition,
    rates.cell_level,
    {{ published_cell('rates') }},
    rates.rate,
    {{ share_bound('rates.rate', 'rates.std_error', 'lower') }} as lower,
    {{ share_bound('rates.rate', 'rates.std_error', 'upper') }} as upper,
    rates.std_error,
    rates.rate_naive,
    -- a lead is never closed but by becoming an opportunity
    case when rates.from_stage >= 0 then rates.rate_period end as rate_period,
    rates.lost_rate,
    rates.derailed_rate,
    rates.n,
    rates.n_open,
    rates.n_advanced,
    rates.n_lost,
    rates.n_derailed,
    rates.mean_days,
    rates.p25_days,
    rates.median_days,
    rates.p75_days,
    rates.median_days_in_stage,
    rates.median_days_to_loss,
    rates.n < {{ var('minimum_sample') }} or rates.n_advanced < {{ var('minimum_events') }} as is_small,
    as_of.as_of_date
from rates
cross join {{ ref('int_as_of') }} as as_of
