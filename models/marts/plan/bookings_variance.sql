{#-
    Bookings still to come in each quarter: what is expected, and what its variance is made of. Largest is
    the open deal that adds most to it.
-#}
with creation as (
    select
        creation_basis,
        fiscal_quarter,
        segment,
        deal_type,
        sum(expected_amount) as expected_amount,
        sum(variance) as variance,
        sum(parameter_std) as parameter_std,
        sum(growth_std) as growth_std
    from {{ ref('creation_outlook') }}
    group by creation_basis, fiscal_quarter, segment, deal_type
),

bases as (
    select
        'as_it_goes' as creation_basis,
        fiscal_quarter
    from {{ ref('int_outlook__by_deal_type') }}
    union
    -- as planned only where the plan reaches
    select
        creation.creation_basis,
        months.fiscal_quarter
    from {{ ref('int_outlook__creation_to_come') }} as creation
    inner join {{ ref('int_calendar') }} as months on creation.fiscal_month = months.date_day
),

-- Within a segment and deal type errors of the estimates go together, so that their deviations add up.
levelled as (
    select
        standing.fiscal_quarter,
        standing.fiscal_quarter_start,
        bases.creation_basis,
        levels.cell_level,
        case when levels.by_segment = 1 then standing.segment else '*' end as segment,
        standing.booked_amount,
        standing.bookings_goal,
        standing.open_expected_amount,
        standing.open_variance,
        coalesce(creation.expected_amount, 0) as creation_amount,
        coalesce(creation.variance, 0) as creation_variance,
        power(standing.open_parameter_std + coalesce(creation.parameter_std, 0), 2) as parameter_variance,
        coalesce(creation.growth_std, 0) as growth_std,
        standing.largest_deal_amount,
        standing.largest_deal_probability,
        standing.largest_deal_growth_variance,
        {{ largest_deal_variance() }} as largest_deal_variance
    from {{ ref('int_outlook__by_deal_type') }} as standing
    inner join bases on standing.fiscal_quarter = bases.fiscal_quarter
    left join creation
        on
            bases.creation_basis = creation.creation_basis
            and standing.fiscal_quarter = creation.fiscal_quarter
            and standing.segment = creation.segment
            and standing.deal_type = creation.deal_type
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment')
),

ranked as (
    select
        *,
        row_number() over (
            partition by fiscal_quarter, creation_basis, cell_level, segment
            order by coalesce(largest_deal_variance, -1) desc, largest_deal_amount desc nulls last
        ) as preference
    from levelled
),

summed as (
    select
        fiscal_quarter,
        fiscal_quarter_start,
        creation_basis,
        cell_level,
        segment,
        sum(booked_amount) as booked_amount,
        nullif(sum(bookings_goal), 0) as bookings_goal,
        sum(open_expected_amount) as open_expected_amount,
        sum(creation_amount) as creation_expected_amount,
        sum(open_variance) as open_variance,
        sum(creation_variance) as creation_variance,
        sum(parameter_variance) as parameter_variance,
        -- one error of growth for all
        power(sum(growth_std), 2) as growth_variance,
        power({{ var('bookings_common_shock') }} * sum(open_expected_amount + creation_amount), 2) as shock_variance,
        max(case when preference = 1 then largest_deal_amount end) as largest_deal_amount,
        max(case when preference = 1 then largest_deal_probability end) as largest_deal_probability,
        max(case when preference = 1 then largest_deal_growth_variance end) as largest_deal_growth_variance
    from ranked
    group by fiscal_quarter, fiscal_quarter_start, creation_basis, cell_level, segment
)

select
    fiscal_quarter,
    fiscal_quarter_start,
    creation_basis,
    cell_level,
    nullif(segment, '*') as segment,
    cast(booked_amount as decimal(28, 2)) as booked_amount,
    cast(bookings_goal as decimal(28, 2)) as bookings_goal,
    cast(open_expected_amount as decimal(28, 2)) as open_expected_amount,
    cast(creation_expected_amount as decimal(28, 2)) as creation_expected_amount,
    open_variance,
    creation_variance,
    parameter_variance,
    growth_variance,
    shock_variance,
    open_variance + creation_variance + parameter_variance + growth_variance + shock_variance as variance,
    cast(largest_deal_amount as decimal(28, 2)) as largest_deal_amount,
    cast(largest_deal_probability as {{ type_double() }}) as largest_deal_probability,
    cast(largest_deal_growth_variance as {{ type_double() }}) as largest_deal_growth_variance,
    coalesce(largest_deal_amount > {{ var('large_deal_share') }} * (open_expected_amount + creation_expected_amount), false) as is_one_deal_large,
    as_of.as_of_date
from summed
cross join {{ ref('int_as_of') }} as as_of
