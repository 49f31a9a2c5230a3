{#-
    Wins of each month beside the wins to be expected of the opportunities at risk in it, by their
    ages alone. An opportunity at risk from age a to age x is expected to give H(x) - H(a - 1) wins,
    H being the hazard of winning summed over the ages. Over all months wins and expected wins are
    equal. Methods: docs/methods/seasonality.md.
-#}
{%- set at_level = 'cell_level, ' ~ cell() -%}
{%- set day_number = dbt.datediff(calendar_first_day(), 'date_day', 'day') -%}

with all_time as (
    select ends_before
    from {{ ref('int_estimates__windows') }}
    where estimation_window = 'all_time'
),

calendar as (
    select
        fiscal_month,
        cast({{ dbt.dateadd('month', 1, 'fiscal_month') }} as date) as next_month,
        fiscal_quarter,
        month_number,
        date_day = fiscal_month as is_first_of_month,
        {{ day_number }} - 1 as age_days
    from {{ ref('int_calendar') }}
),

curves as (
    select
        {{ at_level }},
        age_days,
        advanced_count / nullif(at_risk_count, 0) as hazard
    from {{ ref('int_estimates__curves') }}
    where
        estimation_window = 'all_time'
        and from_stage = {{ var('qualifying_stage') }}
        and to_stage = {{ var('won_stage') }}
),

oldest as (
    select
        {{ at_level }},
        max(age_days) as age_days
    from curves
    group by {{ at_level }}
),

-- At every age, from the day before the first to a month beyond the last: a curve has only the
-- ages at which something happened.
hazards as (
    select
        oldest.cell_level,
        {{ cell('oldest') }},
        calendar.age_days,
        sum(coalesce(curves.hazard, 0)) over (
            partition by oldest.cell_level, {{ cell('oldest') }}
            order by calendar.age_days
            rows between unbounded preceding and current row
        ) as cumulative_hazard
    from oldest
    inner join calendar on calendar.age_days <= oldest.age_days + 31
    left join curves
        on
            oldest.cell_level = curves.cell_level
            and {{ same_cell('oldest', 'curves') }}
            and calendar.age_days = curves.age_days
),

at_risk as (
    select
        *,
        cast({{ dbt.dateadd('day', 'age_days + 1', 'entered_on') }} as date) as first_day,
        {{ dbt.datediff('entered_on', dbt.dateadd('month', 1, 'fiscal_month'), 'day') }} - 1 as age_at_month_end
    from {{ ref('int_seasonality__at_risk') }}
),

counted as (
    select
        at_risk.cell_level,
        {{ cell('at_risk') }},
        at_risk.fiscal_month,
        min(at_risk.first_day) as first_day,
        cast(sum(at_risk.won_count) as {{ type_double() }}) as observed_count,
        sum(at_risk.balance_count * (ends.cumulative_hazard - starts.cumulative_hazard)) as expected_count
    from at_risk
    inner join hazards as starts
        on
            at_risk.cell_level = starts.cell_level
            and {{ same_cell('at_risk', 'starts') }}
            and at_risk.age_days = starts.age_days
    inner join hazards as ends
        on
            at_risk.cell_level = ends.cell_level
            and {{ same_cell('at_risk', 'ends') }}
            and at_risk.age_at_month_end = ends.age_days
    group by at_risk.cell_level, {{ cell('at_risk') }}, at_risk.fiscal_month
),

begun as (
    select
        {{ at_level }},
        min(first_day) as first_day
    from counted
    group by {{ at_level }}
),

-- The month in which the CRM began and the one that is not over yet were seen in part only.
monthly as (
    select
        begun.cell_level,
        {{ cell('begun') }},
        calendar.fiscal_month,
        calendar.fiscal_quarter,
        calendar.month_number,
        begun.first_day <= calendar.fiscal_month and calendar.next_month <= all_time.ends_before as is_complete,
        coalesce(counted.observed_count, 0) as observed_count,
        -- what rounding leaves of nothing is nothing
        case when counted.expected_count > 1e-9 then counted.expected_count else 0 end as expected_count
    from begun
    cross join all_time
    inner join calendar
        on calendar.is_first_of_month and begun.first_day < calendar.next_month and all_time.ends_before > calendar.fiscal_month
    left join counted
        on
            begun.cell_level = counted.cell_level
            and {{ same_cell('begun', 'counted') }}
            and calendar.fiscal_month = counted.fiscal_month
),

recent as (
    select
        *,
        sum(case when is_complete then 1 else 0 end) over (partition by {{ at_level }}) as complete_months,
        row_number() over (partition by is_complete, {{ at_level }} order by fiscal_month desc) as months_ago
    from monthly
)

select
    {{ at_level }},
    fiscal_month,
    fiscal_quarter,
    month_number as fiscal_month_of_year,
    is_complete,
    -- whole years, counted back: a win rate that changed over the years touches every month alike
    is_complete and months_ago <= 12 * floor(complete_months / 12.0) as is_used,
    observed_count,
    expected_count
from recent
