{%- set upper_score = range_score(0.8) -%}
{%- set double = type_double() -%}
with forecasts as (
    select
        forecasts.*,
        -- A forecast from few quarters is worth less than its misses say: Student's t.
        case
            when errors.quarter_count >= {{ var('starting_minimum_quarters') }} and forecasts.forecast_amount > 0
                then errors.dispersion / forecasts.forecast_amount * power(({{ t_quantile(upper_score, 'errors.quarter_count') }}) / {{ upper_score }}, 2)
        end as relative_variance
    from {{ ref('int_starting__forecasts') }} as forecasts
    left join {{ ref('int_starting__errors') }} as errors
        on
            forecasts.snapshot_day = errors.snapshot_day
            and forecasts.horizon = errors.horizon
            and forecasts.cell_level = errors.cell_level
            and {{ same_cell('forecasts', 'errors') }}
),

-- Goals and what is required of them, as coverage has them on the same day.
covered as (
    select
        as_of_date,
        horizon,
        cell_level,
        {% for column in cell_columns() -%}
        coalesce({{ column }}, '*') as {{ column }},
        {% endfor -%}
        bookings_goal,
        required_coverage,
        required_coverage_basis,
        open_count_real,
        open_amount_real
    from {{ ref('pipeline_coverage') }}
    where horizon > 0
),

joined as (
    select
        forecasts.*,
        covered.bookings_goal,
        covered.required_coverage,
        covered.required_coverage_basis,
        {{ ratio('covered.open_amount_real', 'covered.open_count_real') }} as mean_amount,
        cast(covered.required_coverage * covered.bookings_goal as {{ double }}) as required_amount,
        cast(forecasts.forecast_amount as {{ double }}) as mean_start,
        coalesce(own_owner.owner, company_owner.owner) as owner
    from forecasts
    left join covered
        on
            forecasts.snapshot_day = covered.as_of_date
            and forecasts.horizon = covered.horizon
            and forecasts.cell_level = covered.cell_level
            and {{ same_cell('forecasts', 'covered') }}
    left join {{ ref('coverage_owners') }} as own_owner on forecasts.segment = own_owner.segment
    left join {{ ref('coverage_owners') }} as company_owner on company_owner.segment = 'all'
),

scored as (
    select
        *,
        case
            when required_amount > 0 and mean_start > 0 and relative_variance is not null
                then {{ gamma_score('required_amount', 'mean_start', 'relative_variance') }}
        end as score,
        {% for name, sign in [('p10', -1), ('p50', 0), ('p90', 1)] -%}
        case
            when mean_start > 0 and relative_variance is not null
                then {{ gamma_quantile(sign * upper_score, 'mean_start', 'relative_variance') }}
        end as {{ name }},
        {% endfor -%}
        cast(greatest(required_coverage * bookings_goal - forecast_amount, 0) as decimal(28, 2)) as gap_amount
    from joined
)

select
    scored.snapshot_day as as_of_date,
    scored.close_quarter,
    scored.close_quarter_start,
    scored.horizon,
    scored.weeks_to_start,
    scored.cell_level,
    {{ published_cell('scored') }},
    cast(scored.same_amount as decimal(28, 2)) as open_amount_real,
    scored.forecast_amount as forecast_start_amount,
    cast(scored.p10 as decimal(28, 2)) as p10,
    cast(scored.p50 as decimal(28, 2)) as p50,
    cast(scored.p90 as decimal(28, 2)) as p90,
    scored.quarter_count,
    scored.rate_level,
    cast(scored.bookings_goal as decimal(28, 2)) as bookings_goal,
    {{ ratio('scored.forecast_amount', 'scored.bookings_goal') }} as forecast_coverage,
    scored.required_coverage,
    scored.required_coverage_basis,
    case when scored.bookings_goal is not null and scored.forecast_amount is not null then scored.gap_amount end as gap_amount,
    case when scored.bookings_goal is not null and scored.forecast_amount is not null then scored.gap_amount / nullif(scored.mean_amount, 0) end
        as gap_count,
    case when scored.score is not null then 1 - cast(cast({{ normal_cdf('scored.score') }} as decimal(9, 6)) as {{ double }}) end
        as p_sufficient,
    scored.owner,
    cast(scored.start_amount as decimal(28, 2)) as start_amount,
    days.is_latest,
    days.is_week_end,
    scored.stands_for_week
from scored
inner join {{ ref('int_snapshots__days') }} as days on scored.snapshot_day = days.snapshot_day
