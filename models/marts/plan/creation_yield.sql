{#-
    The kernel at another speed: the month of creation is half over on average, so that by the end of
    the k-th month after it k + 1/2 months have passed, as many as k + 1/2 times (1 + change) before.
-#}
{%- set change = var('sensitivity_change') -%}
{%- set months = (var('conversion_horizon_days') | int / 30.4375) | int + 1 -%}
{%- set by_lag = 'partition by ' ~ cell() ~ ' order by months_after' -%}
with parameters as (
    select
        {{ cell() }},
        max(case when parameter = 'win_rate' then value end) as win_rate,
        max(case when parameter = 'won_amount' then value end) as won_amount
    from {{ ref('assumptions') }}
    where parameter in ('win_rate', 'won_amount')
    group by {{ cell() }}
),

-- Month -1 stands for the time before creation.
kernels as (
    select
        {{ cell() }},
        month_number as months_after,
        sum(value) over ({{ by_lag.replace('months_after', 'month_number') }}) / sum(value) over (partition by {{ cell() }}) as won_share
    from {{ ref('assumptions') }}
    where parameter = 'kernel_qualified_to_won'
    union all
    select
        {{ cell() }},
        -1 as months_after,
        0 as won_share
    from parameters
),

lags as (
    {%- for cycle_change in [-change, 0, change] %}
    {%- set is_last = loop.last %}
    {%- for k in range((months * (1 + change) + 2) | int) %}
    {%- set passed = (k + 0.5) / (1 + cycle_change) - 0.5 %}
    {%- set before = [passed | round(0, 'floor') | int, months] | min %}
    select
        cast({{ cycle_change }} as {{ type_double() }}) as cycle_change,
        {{ k }} as months_after,
        {{ before }} as month_before,
        {{ [before + 1, months] | min }} as month_behind,
        cast({{ passed - (passed | round(0, 'floor')) }} as {{ type_double() }}) as part
    {%- if not (is_last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

won_by as (
    select
        {{ cell('parameters') }},
        parameters.win_rate,
        parameters.won_amount,
        lags.cycle_change,
        lags.months_after,
        starts.won_share + lags.part * (ends.won_share - starts.won_share) as won_share
    from parameters
    cross join lags
    inner join kernels as starts
        on {{ same_cell('parameters', 'starts') }} and lags.month_before = starts.months_after
    inner join kernels as ends
        on {{ same_cell('parameters', 'ends') }} and lags.month_behind = ends.months_after
),

months as (
    select
        fiscal_month,
        fiscal_quarter,
        month_number,
        row_number() over (order by fiscal_month) as month_index
    from {{ ref('int_calendar') }}
    where date_day = fiscal_month
),

created as (
    select distinct
        months.fiscal_month,
        months.month_index
    from {{ ref('int_outlook__creation_to_come') }} as creation
    inner join months on creation.fiscal_month = months.fiscal_month
),

-- The season moves wins between months and leaves their sum alone, as for open opportunities.
seasonal as (
    select
        won_by.*,
        created.fiscal_month,
        months.fiscal_quarter,
        (won_by.won_share - coalesce(lag(won_by.won_share) over (
            partition by {{ cell('won_by') }}, won_by.cycle_change, created.fiscal_month order by won_by.months_after
        ), 0)) * coalesce(seasons.value, 1) as seasonal_share
    from won_by
    cross join created
    inner join months on created.month_index + won_by.months_after = months.month_index
    left join {{ ref('assumptions') }} as seasons
        on
            seasons.parameter = 'closing_seasonality'
            and {{ same_cell('won_by', 'seasons') }}
            and months.month_number = seasons.month_number
),

rescaled as (
    select
        *,
        win_rate * seasonal_share
        / nullif(sum(seasonal_share) over (partition by {{ cell() }}, cycle_change, fiscal_month), 0) as win_probability
    from seasonal
)

select
    fiscal_month,
    fiscal_quarter,
    cycle_change,
    {{ cell() }},
    sum(win_probability) as win_probability,
    sum(win_probability) * max(won_amount) as bookings_per_opportunity
from rescaled
where win_probability > 0
group by fiscal_month, fiscal_quarter, cycle_change, {{ cell() }}
