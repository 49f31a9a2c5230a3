{#-
    The amount of pipeline yet to be created in each quarter as creation goes, company-wide and by segment,
    and how much that may vary: by the chance of a Poisson count of n opportunities at amounts of mean a and
    relative variance v, n a^2 (1 + v); by the rate of creation, by the mean amount and by growth, which are
    estimates. Errors of amounts go together within a segment and deal type, the one of growth everywhere.
-#}
{%- set quantiles = {'p10': -range_score(0.8), 'p50': 0, 'p90': range_score(0.8)} -%}
with spread as (
    select
        cell_level,
        segment,
        deal_type,
        created_known_count,
        power(amount_at_qualification_std_error, 2) * created_known_count / power(amount_at_qualification, 2) as relative_variance
    from {{ ref('int_estimates__amounts') }}
    where estimation_window = 'all_time' and cell_level in ('company', 'segment_deal_type')
),

amounts as (
    select
        {{ cell() }},
        value,
        coalesce((upper - lower) / (2 * {{ range_score(0.95) }} * nullif(value, 0)), 0) as relative_error
    from {{ ref('assumptions') }}
    where parameter = 'amount_at_qualification'
),

monthly as (
    select
        months.fiscal_quarter,
        {{ cell('creation') }},
        creation.trailing_count,
        creation.creation_count * amounts.value as expected_amount,
        creation.creation_count * power(amounts.value, 2) * (1 + coalesce(own.relative_variance, company.relative_variance, 0)) as chance_variance,
        creation.creation_count * amounts.value * amounts.relative_error as amount_std,
        creation.creation_count * amounts.value * creation.growth_relative_std as growth_std
    from {{ ref('int_outlook__creation_to_come') }} as creation
    inner join amounts on {{ same_cell('creation', 'amounts') }}
    inner join {{ ref('int_calendar') }} as months on creation.fiscal_month = months.date_day
    left join spread as own
        on
            own.cell_level = 'segment_deal_type'
            and creation.segment = own.segment
            and creation.deal_type = own.deal_type
            and own.created_known_count >= {{ var('minimum_sample') }}
    left join spread as company on company.cell_level = 'company'
    where creation.creation_basis = 'as_it_goes'
),

cells as (
    select
        fiscal_quarter,
        segment,
        deal_type,
        sum(expected_amount) as expected_amount,
        sum(chance_variance) + power(sum(expected_amount), 2) / max(trailing_count) as chance_variance,
        sum(amount_std) as amount_std,
        sum(growth_std) as growth_std
    from monthly
    group by fiscal_quarter, {{ cell() }}
),

by_deal_type as (
    select
        fiscal_quarter,
        segment,
        deal_type,
        sum(expected_amount) as expected_amount,
        sum(chance_variance) as chance_variance,
        sum(amount_std) as amount_std,
        sum(growth_std) as growth_std
    from cells
    group by fiscal_quarter, segment, deal_type
),

levelled as (
    select
        by_deal_type.fiscal_quarter,
        levels.cell_level,
        case when levels.by_segment = 1 then by_deal_type.segment else '*' end as segment,
        sum(by_deal_type.expected_amount) as expected_amount,
        sum(by_deal_type.chance_variance) + sum(power(by_deal_type.amount_std, 2)) + power(sum(by_deal_type.growth_std), 2) as variance
    from by_deal_type
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment')
    group by 1, 2, 3
),

spreads as (
    select
        *,
        case when expected_amount > 0 then variance / power(expected_amount, 2) else 0 end as spread
    from levelled
)

select
    fiscal_quarter,
    cell_level,
    nullif(segment, '*') as segment,
    expected_amount,
    sqrt(variance) as std,
    {% for name, score in quantiles.items() -%}
    {{ gamma_quantile(score, 'expected_amount', 'spread') }} as {{ name }},
    {% endfor -%}
    as_of.as_of_date
from spreads
cross join {{ ref('int_as_of') }} as as_of
