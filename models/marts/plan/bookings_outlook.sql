{#-
    Booked so far plus a gamma distribution of what is yet to come, of the right mean and variance. Where
    one open deal is large beside the rest it is won or not, and the gamma is that of the others; the
    quantiles of this mixture are read off a grid. Methods: docs/methods/outlook.md.
-#}
{%- set row = 'fiscal_quarter, creation_basis, cell_level, segment' -%}
{%- set quantiles = {'p10': [0.1, -1.2815515655], 'p50': [0.5, 0], 'p90': [0.9, 1.2815515655]} -%}
{%- set points = 500 -%}
with moments as (
    select
        *,
        cast(open_expected_amount + creation_expected_amount as {{ type_double() }}) as rest,
        cast(bookings_goal - booked_amount as {{ type_double() }}) as to_go,
        cast(largest_deal_amount as {{ type_double() }}) as deal,
        coalesce(largest_deal_amount > 0.2 * (open_expected_amount + creation_expected_amount), false) as is_one_deal_large
    from {{ ref('bookings_variance') }}
),

-- The two cases: the large deal lost, and won, with the variance of its growth; without one there is one case.
cases as (
    {% for is_won in [0, 1] -%}
    select
        moments.*,
        {{ is_won }} as is_won,
        case when is_one_deal_large then {{ 'largest_deal_probability' if is_won else '1 - largest_deal_probability' }} else {{ 1 - is_won }} end as weight,
        {{ 'deal' if is_won else '0' }} as shift,
        rest - case when is_one_deal_large then deal * largest_deal_probability else 0 end as mean_left,
        variance
        - case
            when is_one_deal_large
                then deal * deal * (largest_deal_probability * (1 + largest_deal_growth_variance - largest_deal_probability)
                - {{ is_won }} * largest_deal_growth_variance)
            else 0
        end as variance_left
    from moments
    where is_one_deal_large or {{ is_won }} = 0
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
),

-- What rounding leaves of nothing is nothing.
gammas as (
    select
        *,
        case when mean_left > 0.005 and variance_left > 0 then variance_left / (mean_left * mean_left) else 0 end as spread
    from cases
),

hits as (
    select
        *,
        {{ gamma_score('to_go - shift', 'mean_left', 'spread') }} as score
    from gammas
),

grid as (
    select
        gammas.*,
        numbers.generated_number * (rest + deal + 4 * sqrt(variance)) / {{ points }} as x,
        numbers.generated_number as point
    from gammas
    cross join ({{ dbt.generate_series(points) }}) as numbers
    where gammas.is_one_deal_large
),

grid_scores as (
    select
        *,
        {{ gamma_score('x - shift', 'mean_left', 'spread') }} as score
    from grid
),

below as (
    select
        {{ row }},
        point,
        x,
        sum(weight * ({{ normal_cdf('score') }})) as share
    from grid_scores
    group by {{ row }}, point, x
),

steps as (
    select
        *,
        lag(share, 1, 0) over (partition by {{ row }} order by point) as share_before,
        lag(x, 1, 0) over (partition by {{ row }} order by point) as x_before
    from below
),

mixtures as (
    select
        {{ row }}
        {%- for name, (share, score) in quantiles.items() %},
        -- below the first point everything may be won or nothing
        min(case when share >= {{ share }} then x_before + (x - x_before) * greatest({{ share }} - share_before, 0) / nullif(share - share_before, 0) end) as {{ name }}
        {%- endfor %}
    from steps
    group by {{ row }}
),

chances as (
    select
        {{ row }},
        sum(weight * (1 - ({{ normal_cdf('score') }}))) as p_hit
    from hits
    group by {{ row }}
),

described as (
    select
        moments.*,
        case when moments.rest > 0.005 then moments.variance / (moments.rest * moments.rest) else 0 end as spread,
        case when moments.to_go <= 0 then 1 else chances.p_hit end as p_hit
        {%- for name in quantiles %},
        mixtures.{{ name }} as mixture_{{ name }}
        {%- endfor %}
    from moments
    inner join chances
        on
            moments.fiscal_quarter = chances.fiscal_quarter
            and moments.creation_basis = chances.creation_basis
            and moments.cell_level = chances.cell_level
            and moments.segment is not distinct from chances.segment
    left join mixtures
        on
            moments.fiscal_quarter = mixtures.fiscal_quarter
            and moments.creation_basis = mixtures.creation_basis
            and moments.cell_level = mixtures.cell_level
            and moments.segment is not distinct from mixtures.segment
)

select
    fiscal_quarter,
    fiscal_quarter_start,
    creation_basis,
    cell_level,
    segment,
    booked_amount,
    open_expected_amount,
    creation_expected_amount,
    cast(booked_amount + open_expected_amount + creation_expected_amount as decimal(28, 2)) as expected,
    sqrt(variance) as std,
    {% for name, (share, score) in quantiles.items() -%}
    cast(booked_amount + cast(coalesce(mixture_{{ name }}, {{ gamma_quantile(score, 'rest', 'spread') }}) as decimal(28, 2)) as decimal(28, 2)) as {{ name }},
    {% endfor -%}
    bookings_goal,
    case when bookings_goal is not null then p_hit end as p_hit,
    case
        when bookings_goal is not null
            then cast(greatest(bookings_goal - booked_amount - open_expected_amount - creation_expected_amount, 0) as decimal(28, 2))
    end as gap,
    is_one_deal_large,
    as_of_date
from described
