-- The years of each month of the fiscal year together.
{%- set index_of = 'effect, cell_level, ' ~ cell() %}

with levels as (
    select
        cell_level,
        depth
    from {{ ref('shrinkage_levels') }}
    where family = 'season'
),

months as (
    {% for effect in ['creation', 'closing'] -%}
    select
        '{{ effect }}' as effect,
        cell_level,
        {{ cell() }},
        fiscal_quarter,
        fiscal_month_of_year,
        is_complete,
        case when is_used and expected_count > 0 then observed_count end as observed,
        case when is_used and expected_count > 0 then expected_count end as expected
    from {{ ref('int_seasonality__' ~ effect) }}
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
),

quarters as (
    select
        {{ index_of }},
        case when sum(case when is_complete then 1 else 0 end) = 3 then 1 else 0 end as is_complete
    from months
    group by {{ index_of }}, fiscal_quarter
),

histories as (
    select
        {{ index_of }},
        sum(is_complete) as quarters_observed
    from quarters
    group by {{ index_of }}
),

months_of_year as (
    select distinct month_number as fiscal_month_of_year
    from {{ ref('int_calendar') }}
),

-- Sums, not means of ratios: busy years measure better and weigh more.
pooled as (
    select
        {% for column in index_of.split(', ') -%}
        histories.{{ column }},
        {% endfor -%}
        histories.quarters_observed,
        months_of_year.fiscal_month_of_year,
        count(months.expected) as years_observed,
        coalesce(sum(months.observed), 0) as observed_count,
        coalesce(sum(months.expected), 0) as expected_count,
        -- how far the years lie from the month's common ratio, in units of a Poisson variance
        coalesce(
            sum(months.observed * months.observed / months.expected) - power(sum(months.observed), 2) / sum(months.expected), 0
        ) as deviation
    from histories
    cross join months_of_year
    left join months
        on
            histories.effect = months.effect
            and histories.cell_level = months.cell_level
            and {{ same_cell('histories', 'months') }}
            and months_of_year.fiscal_month_of_year = months.fiscal_month_of_year
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
),

judged as (
    select
        pooled.*,
        levels.depth,
        pooled.quarters_observed >= {{ var('seasonality_minimum_quarters') }} as is_long_enough
    from pooled
    inner join levels on pooled.cell_level = levels.cell_level
),

-- Counts that vary from year to year by more than chance say less: the dispersion of a quasi-Poisson
-- count, over the cells of a level.
dispersions as (
    select
        effect,
        cell_level,
        sum(deviation) / nullif(sum((years_observed - 1) * observed_count / expected_count), 0) as dispersion
    from judged
    where is_long_enough and expected_count > 0
    group by effect, cell_level
)

select
    judged.effect,
    judged.cell_level,
    {{ cell('judged') }},
    judged.depth,
    judged.fiscal_month_of_year,
    cast(judged.quarters_observed as integer) as quarters_observed,
    judged.is_long_enough,
    cast(judged.years_observed as integer) as years_observed,
    judged.observed_count,
    judged.expected_count,
    case when dispersions.dispersion > 1 then dispersions.dispersion else 1 end as dispersion
from judged
left join dispersions on judged.effect = dispersions.effect and judged.cell_level = dispersions.cell_level
