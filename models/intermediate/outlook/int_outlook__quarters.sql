{#-
    What open opportunities may bring to each quarter, by goal cell. Whether one is won is one draw, so
    the variance needs its chance of the whole quarter: that of A, won with chance p and growing with
    a relative variance v, is A^2 (p (1 + v) - p^2).
-#}
{%- set goal_cell = 'segment, deal_type, territory' -%}
with deals as (
    select
        {{ goal_cell }},
        stage_number,
        age_days,
        growth_variance,
        count(*) as deal_count,
        sum(amount_if_won) as amount_if_won,
        sum(amount_if_won * amount_if_won) as amount_squared,
        max(amount_if_won) as largest_amount
    from {{ ref('int_outlook__open_deals') }}
    group by {{ goal_cell }}, stage_number, age_days, growth_variance
),

chances as (
    select
        chances.segment,
        chances.deal_type,
        chances.stage_number,
        chances.age_days,
        months.fiscal_quarter,
        sum(chances.win_probability) as win_probability
    from {{ ref('int_outlook__win_chances') }} as chances
    inner join {{ ref('int_calendar') }} as months on chances.fiscal_month = months.date_day
    group by chances.segment, chances.deal_type, chances.stage_number, chances.age_days, months.fiscal_quarter
),

expected as (
    select
        chances.fiscal_quarter,
        deals.segment,
        deals.deal_type,
        deals.territory,
        deals.deal_count * chances.win_probability as open_expected_count,
        deals.amount_if_won * chances.win_probability as open_expected_amount,
        cast(chances.win_probability * (1 + deals.growth_variance - chances.win_probability) as {{ type_double() }}) as relative_variance,
        cast(deals.amount_squared as {{ type_double() }}) as amount_squared,
        deals.largest_amount,
        chances.win_probability,
        deals.growth_variance
    from deals
    inner join chances
        on
            deals.segment = chances.segment
            and deals.deal_type = chances.deal_type
            and deals.stage_number = chances.stage_number
            and deals.age_days = chances.age_days
),

-- The one deal on which most depends: the one with the largest variance.
ranked as (
    select
        *,
        row_number() over (
            partition by fiscal_quarter, {{ goal_cell }}
            order by
                cast(largest_amount as {{ type_double() }}) * cast(largest_amount as {{ type_double() }}) * relative_variance desc nulls last,
                largest_amount desc nulls last,
                win_probability desc nulls last
        ) as preference
    from expected
)

select
    fiscal_quarter,
    {{ goal_cell }},
    cast(sum(open_expected_count) as decimal(18, 6)) as open_expected_count,
    cast(sum(open_expected_amount) as {{ money_type() }}) as open_expected_amount,
    sum(amount_squared * relative_variance) as open_variance,
    max(case when preference = 1 then largest_amount end) as largest_deal_amount,
    max(case when preference = 1 then win_probability end) as largest_deal_probability,
    max(case when preference = 1 then growth_variance end) as largest_deal_growth_variance
from ranked
group by fiscal_quarter, {{ goal_cell }}
