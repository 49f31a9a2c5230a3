{#-
    What creation to come brings to each quarter: of n opportunities, each won in it with chance p at
    amounts of mean a and relative variance v, n p a on average. The variance is that of a Poisson count
    where creation goes on as it does, n p a^2 (1 + v), and with n given where it is planned,
    n p a^2 (1 + v - p).
-#}
with spread as (
    select
        cell_level,
        segment,
        deal_type,
        won_count,
        power(won_amount_std_error, 2) * won_count / power(won_amount, 2) as relative_variance
    from {{ ref('int_estimates__amounts') }}
    where estimation_window = 'all_time' and cell_level in ('company', 'segment_deal_type')
),

-- From 95 percent intervals back to variances, relative to the value; an override has none.
certainty as (
    select
        {{ cell() }},
        sum(power((upper - lower) / (2 * {{ range_score(0.95) }} * nullif(value, 0)), 2)) as relative_variance
    from {{ ref('assumptions') }}
    where parameter in ('win_rate', 'won_amount')
    group by {{ cell() }}
),

won as (
    select
        creation.creation_basis,
        yields.fiscal_quarter,
        {{ cell('creation') }},
        creation.trailing_count,
        creation.creation_count * yields.win_probability as expected_count,
        creation.creation_count * yields.bookings_per_opportunity as expected_amount,
        creation.growth_relative_std,
        yields.bookings_per_opportunity / yields.win_probability as won_amount,
        1 + coalesce(own.relative_variance, company.relative_variance, 0)
        - case when creation.creation_basis = 'as_planned' then yields.win_probability else 0 end as relative_second_moment
    from {{ ref('int_outlook__creation_to_come') }} as creation
    inner join {{ ref('creation_yield') }} as yields
        on
            creation.fiscal_month = yields.fiscal_month
            and {{ same_cell('creation', 'yields') }}
            and yields.cycle_change = 0
    left join spread as own
        on
            own.cell_level = 'segment_deal_type'
            and creation.segment = own.segment
            and creation.deal_type = own.deal_type
            and own.won_count >= {{ var('minimum_sample') }}
    left join spread as company on company.cell_level = 'company'
),

summed as (
    select
        creation_basis,
        fiscal_quarter,
        {{ cell() }},
        sum(expected_count) as expected_count,
        sum(expected_amount) as expected_amount,
        sum(expected_amount * won_amount * relative_second_moment) as variance,
        sum(expected_amount * growth_relative_std) as growth_std,
        -- how well the rate of creation is known itself
        coalesce(power(sum(expected_amount), 2) / max(trailing_count), 0) as rate_variance
    from won
    group by creation_basis, fiscal_quarter, {{ cell() }}
)

select
    summed.creation_basis,
    summed.fiscal_quarter,
    {{ cell('summed') }},
    summed.expected_count,
    summed.expected_amount,
    summed.variance + summed.rate_variance as variance,
    summed.expected_amount * sqrt(coalesce(certainty.relative_variance, 0)) as parameter_std,
    summed.growth_std
from summed
left join certainty on {{ same_cell('summed', 'certainty') }}
