{#-
    The lag kernel: in which month after the beginning those that advance by the horizon do so. A
    month without any advance is there with 0, so that its parent's share can reach it.
-#}
{%- set month_days = 30.4375 -%}
{%- set horizon = var('conversion_horizon_days') | int -%}
{%- set curve = 'estimation_window, from_stage, to_stage, cell_level, ' ~ cell() -%}
with advances as (
    select
        curves.*,
        floor(curves.age_days / {{ month_days }}) as whole_months
    from {{ ref('int_estimates__curves') }} as curves
    inner join {{ ref('int_estimates__windows') }} as windows
        on curves.estimation_window = windows.estimation_window
    where windows.window_kind = 'planning' and curves.age_days <= {{ horizon }} and curves.advanced_count > 0
),

-- Between two days of unknown place in their months lie so many whole months or one more: what
-- begins evenly over a month and takes 1.25 months ends after one month in three cases of four.
by_month as (
    select
        {{ curve }},
        cast(whole_months as integer) as months_after,
        incidence * (1 - (age_days / {{ month_days }} - whole_months)) as incidence
    from advances
    union all
    select
        {{ curve }},
        cast(whole_months as integer) + 1 as months_after,
        incidence * (age_days / {{ month_days }} - whole_months) as incidence
    from advances
),

months as (
    {%- for month in range((horizon / month_days) | int + 2) %}
    select {{ month }} as months_after{{ ' union all' if not loop.last }}
    {%- endfor %}
),

summed as (
    select
        {{ curve }},
        months_after,
        sum(incidence) as incidence
    from by_month
    group by {{ curve }}, months_after
),

rates as (
    select * from {{ ref('int_estimates__rates') }}
    where n_advanced > 0 and rate > 0
)

select
    rates.estimation_window,
    rates.from_stage,
    rates.to_stage,
    rates.cell_level,
    {{ cell('rates') }},
    months.months_after,
    rates.n_advanced as n,
    coalesce(summed.incidence, 0) / rates.rate as share
from rates
inner join {{ ref('int_estimates__windows') }} as windows
    on rates.estimation_window = windows.estimation_window and windows.window_kind = 'planning'
cross join months
left join summed
    on
        rates.estimation_window = summed.estimation_window
        and rates.from_stage = summed.from_stage
        and rates.to_stage = summed.to_stage
        and rates.cell_level = summed.cell_level
        and {{ same_cell('rates', 'summed') }}
        and months.months_after = summed.months_after
