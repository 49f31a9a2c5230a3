{%- set bases = {'segment_deal_type': ['segment', 'deal_type'], 'segment': ['segment'], 'company': []} -%}
{%- set double = type_double() -%}
with measured as (
    select
        cell_level,
        segment,
        deal_type,
        quarter_index + 1 as quarter_index,
        required_coverage,
        required_coverage_quantile,
        trailing_yield
    from {{ ref('week3_conversion') }}
    where period_kind = 'quarter' and is_measured
),

-- What the quarters that were over by then say of the cell, else of its parents; else the policy.
required as (
    select
        standing.*,
        quarters.close_quarter,
        quarters.close_quarter_start,
        quarters.is_latest,
        quarters.is_week_end,
        quarters.is_quarter_start,
        quarters.is_week3_day,
        coalesce(
            {% for basis in bases -%}
            by_{{ basis }}.cell_level,
            {% endfor -%}
            'policy'
        ) as required_coverage_basis,
        cast(
            coalesce(
                {% for basis in bases -%}
                by_{{ basis }}.required_coverage,
                {% endfor -%}
                policy.required_coverage
            ) as decimal(8, 3)
        ) as required_coverage,
        case
            {% for basis in bases -%}
            when by_{{ basis }}.cell_level is not null then by_{{ basis }}.required_coverage_quantile
            {% endfor -%}
        end as required_coverage_quantile,
        coalesce(
            {% for basis in bases -%}
            by_{{ basis }}.trailing_yield,
            {% endfor -%}
            {{ ratio(1, 'policy.required_coverage') }}
        ) as trailing_yield
    from {{ ref('int_coverage__levels') }} as standing
    inner join {{ ref('int_coverage__quarters') }} as quarters
        on standing.as_of_date = quarters.as_of_date and standing.horizon = quarters.horizon
    {% for basis, columns in bases.items() -%}
    left join measured as by_{{ basis }}
        on
            by_{{ basis }}.cell_level = '{{ basis }}'
            {% for column in columns -%}
            and standing.{{ column }} = by_{{ basis }}.{{ column }}
            {% endfor -%}
            and quarters.quarter_index = by_{{ basis }}.quarter_index
    {% endfor -%}
    left join {{ ref('coverage_policy') }} as policy on standing.horizon = policy.horizon
),

-- The pipeline as deals of one size whose sum varies as much, with those of that size that are still
-- to come from outside it; and how many of them it takes.
counted as (
    select
        *,
        power(cast(open_amount_real as {{ double }}), 2) / nullif(cast(open_squares_real as {{ double }}), 0) as effective_count,
        -- once the goal is reached there is nothing left to cover
        case when bookings_goal is not null then greatest(bookings_goal - won_to_date, 0) end as to_go
    from required
),

needed as (
    select
        *,
        case when to_go is not null then cast(greatest(required_coverage * to_go - open_amount_real, 0) as decimal(28, 2)) end as gap_amount,
        effective_count / nullif(required_coverage * trailing_yield, 0) as deals,
        effective_count * {{ ratio('to_go', 'open_amount_real') }} as wins
    from counted
),

-- Deals of one size are won whole; sums of others may lie in between.
rounded as (
    select
        *,
        least(case when effective_count > open_count_real - 0.000001 then ceil(wins - 0.000001) else wins + 0.5 end, deals) as whole_wins
    from needed
),

scored as (
    select
        *,
        case
            when wins > 0 and wins <= deals and trailing_yield > 0 and trailing_yield < 1
                then {{ binomial_tail_score('whole_wins', 'deals', 'trailing_yield') }}
        end as score
    from rounded
)

select
    as_of_date,
    close_quarter,
    close_quarter_start,
    cast(horizon as integer) as horizon,
    cell_level,
    {{ published_cell() }},
    cast(open_count_raw as integer) as open_count_raw,
    cast(open_amount_raw as decimal(28, 2)) as open_amount_raw,
    cast(open_count_real as integer) as open_count_real,
    cast(open_amount_real as decimal(28, 2)) as open_amount_real,
    cast(weighted_amount as decimal(28, 2)) as weighted_amount,
    cast(won_to_date as decimal(28, 2)) as won_to_date,
    cast(bookings_goal as decimal(28, 2)) as bookings_goal,
    {{ ratio('open_amount_real', 'bookings_goal') }} as coverage_ratio,
    {{ ratio('open_amount_raw', 'bookings_goal') }} as coverage_ratio_raw,
    {{ ratio('weighted_amount', 'bookings_goal') }} as coverage_ratio_weighted,
    {{ ratio('open_amount_real - largest_deal_amount', 'bookings_goal') }} as coverage_ratio_without_largest,
    {{ ratio('open_amount_real', 'to_go') }} as to_go_coverage,
    required_coverage,
    required_coverage_quantile,
    required_coverage_basis,
    gap_amount,
    {{ ratio('gap_amount', 'open_amount_real') }} * open_count_real as gap_count,
    cast(largest_deal_amount as decimal(28, 2)) as largest_deal_amount,
    effective_count,
    case
        -- what a quarter to come will have is not yet there to be counted
        when horizon > 0 or to_go is null or required_coverage is null then null
        when to_go = 0 then 1
        when trailing_yield <= 0 or trailing_yield >= 1 then null
        when score is null then 0
        else cast(cast({{ normal_cdf('score') }} as decimal(9, 6)) as {{ double }})
    end as p_attain,
    is_latest,
    is_week_end,
    is_quarter_start,
    is_week3_day
from scored
