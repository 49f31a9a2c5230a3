{#-
    The chance of being won in a month: by its end less by the end of the one before. Closing
    seasonality then moves wins between the months and leaves their sum alone.
-#}
{%- set kind = 'segment, deal_type, stage_number, age_days' -%}

with monthly as (
    select
        {{ kind }},
        fiscal_month,
        measured_level,
        won_share - coalesce(lag(won_share) over (partition by {{ kind }} order by fiscal_month), 0) as chance,
        max(won_share) over (partition by {{ kind }}) as won_in_all
    from {{ ref('int_outlook__won_by') }}
),

indices as (
    select * from {{ ref('int_seasonality__indices') }}
    where effect = 'closing'
),

seasonal as (
    select
        monthly.*,
        monthly.chance * coalesce(segments.value, company.value, 1) as seasonal_chance
    from monthly
    inner join {{ ref('int_calendar') }} as calendar on monthly.fiscal_month = calendar.date_day
    left join indices as segments
        on
            segments.cell_level = 'segment'
            and monthly.segment = segments.segment
            and calendar.month_number = segments.fiscal_month_of_year
    left join indices as company
        on company.cell_level = 'company' and calendar.month_number = company.fiscal_month_of_year
),

rescaled as (
    select
        *,
        seasonal_chance * won_in_all / nullif(sum(seasonal_chance) over (partition by {{ kind }}), 0) as win_probability
    from seasonal
)

select
    {{ kind }},
    fiscal_month,
    measured_level,
    -- beyond nine decimals the order of summation shows, which is every warehouse's own
    cast(win_probability as decimal(18, 9)) as win_probability
from rescaled
where win_probability >= 0.0000000005
