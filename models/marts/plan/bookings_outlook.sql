{#-
    Booked so far plus a gamma distribution of what is yet to come, of the right mean and variance. Where
    one open deal is large beside the rest it is won or not, and the gamma is that of the others; the
    quantiles of this mixture are read off a grid. Methods: docs/methods/outlook.md.
-#}
{%- set quantiles = {'p10': [0.1, -range_score(0.8)], 'p50': [0.5, 0], 'p90': [0.9, range_score(0.8)]} -%}
{%- set points = 500 -%}
with outlooks as (
    select
        *,
        row_number() over (order by fiscal_quarter, creation_basis, cell_level, segment) as outlook_key,
        booked_amount + open_expected_amount + creation_expected_amount as expected,
        cast(open_expected_amount + creation_expected_amount as {{ type_double() }}) as rest,
        cast(bookings_goal - booked_amount as {{ type_double() }}) as to_go,
        case when is_one_deal_large then cast(largest_deal_amount as {{ type_double() }}) else 0 end as deal,
        case when is_one_deal_large then largest_deal_probability else 0 end as p,
        case when is_one_deal_large then largest_deal_growth_variance else 0 end as v
    from {{ ref('bookings_variance') }}
),

draws as (
    select 0 as is_won
    union all
    select 1 as is_won
),

-- The deal lost, and won; then its amount varies by its growth.
cases as (
    select
        outlooks.*,
        draws.is_won * outlooks.p + (1 - draws.is_won) * (1 - outlooks.p) as weight,
        draws.is_won * outlooks.deal as shift,
        outlooks.rest - outlooks.deal * outlooks.p as mean_left,
        outlooks.variance
        - outlooks.deal * outlooks.deal
        * (outlooks.p * (1 + outlooks.v - outlooks.p) - draws.is_won * outlooks.v) as variance_left
    from outlooks
    cross join draws
),

-- What rounding leaves of nothing is nothing.
gammas as (
    select
        *,
        case when mean_left > 0.005 and variance_left > 0 then variance_left / (mean_left * mean_left) else 0 end as spread
    from cases
),

goals as (
    select
        outlook_key,
        weight,
        {{ gamma_score('to_go - shift', 'mean_left', 'spread') }} as score
    from gammas
),

chances as (
    select
        outlook_key,
        sum(weight * (1 - ({{ normal_cdf('score') }}))) as p_hit
    from goals
    group by outlook_key
),

points as (
    {{ dbt.generate_series(points) }}
),

grid as (
    select
        gammas.*,
        points.generated_number * (gammas.rest + gammas.deal + 4 * sqrt(gammas.variance)) / {{ points }} as x
    from gammas
    cross join points
    where gammas.is_one_deal_large
),

scores as (
    select
        outlook_key,
        weight,
        x,
        {{ gamma_score('x - shift', 'mean_left', 'spread') }} as score
    from grid
),

shares as (
    select
        outlook_key,
        x,
        sum(weight * ({{ normal_cdf('score') }})) as share
    from scores
    group by outlook_key, x
),

steps as (
    select
        *,
        coalesce(lag(share) over (partition by outlook_key order by x), 0) as share_before,
        coalesce(lag(x) over (partition by outlook_key order by x), 0) as x_before
    from shares
),

mixtures as (
    select
        {% for name, (share, score) in quantiles.items() -%}
        min(case when share >= {{ share }} and share_before < {{ share }} then x_before + (x - x_before) * ({{ share }} - share_before) / (share - share_before) end) as {{ name }},
        {% endfor -%}
        outlook_key
    from steps
    group by outlook_key
),

described as (
    select
        outlooks.*,
        case when outlooks.rest > 0.005 then outlooks.variance / (outlooks.rest * outlooks.rest) else 0 end as spread,
        {% for name in quantiles -%}
        mixtures.{{ name }} as mixture_{{ name }},
        {% endfor -%}
        chances.p_hit
    from outlooks
    inner join chances on outlooks.outlook_key = chances.outlook_key
    left join mixtures on outlooks.outlook_key = mixtures.outlook_key
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
    cast(expected as decimal(28, 2)) as expected,
    sqrt(variance) as std,
    {% for name, (share, score) in quantiles.items() -%}
    cast(booked_amount + cast(coalesce(mixture_{{ name }}, {{ gamma_quantile(score, 'rest', 'spread') }}) as decimal(28, 2)) as decimal(28, 2)) as {{ name }},
    {% endfor -%}
    bookings_goal,
    case when bookings_goal <= booked_amount then 1 when bookings_goal is not null then p_hit end as p_hit,
    case when bookings_goal is not null then cast(greatest(bookings_goal - expected, 0) as decimal(28, 2)) end as gap,
    is_one_deal_large,
    as_of_date
from described
