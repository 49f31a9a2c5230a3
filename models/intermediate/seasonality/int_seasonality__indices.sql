{#-
    Observed over expected by month of the fiscal year, pulled towards the index of the level above
    (the company's towards 1) by its own precision: with E expected, counts that vary f times as
    much as chance has it, and a variance v between the months, what was observed has the weight
    v E / (f + v E). Methods: docs/methods/seasonality.md.
-#}
{%- set index_of = 'effect, cell_level, ' ~ cell() -%}
{%- set by_index = 'partition by ' ~ index_of -%}

with pooled as (
    select
        *,
        case when is_long_enough then observed_count else 0 end as observed,
        case when is_long_enough then expected_count else 0 end as expected,
        observed_count / nullif(expected_count, 0) as ratio
    from {{ ref('int_seasonality__pooled') }}
),

{% for depth in [0, 1] -%}
-- {{ 'The company: every month alike is where it starts from.' if depth == 0 else 'The segments: the company\'s index is where they start from.' }}
parents_{{ depth }} as (
    select
        pooled.*,
        {% if depth == 0 -%}
        cast(1 as {{ type_double() }}) as parent_value,
        cast(0 as {{ type_double() }}) as parent_error
        {%- else -%}
        indices_0.value as parent_value,
        indices_0.std_error as parent_error
        {%- endif %}
    from pooled
    {% if depth > 0 -%}
    inner join indices_0
        on pooled.effect = indices_0.effect and pooled.fiscal_month_of_year = indices_0.fiscal_month_of_year
    {% endif -%}
    where pooled.depth = {{ depth }}
),

-- What the parent's index would lead one to expect, of the same total as was observed.
scaled_{{ depth }} as (
    select
        *,
        expected * parent_value * sum(observed) over ({{ by_index }})
        / nullif(sum(expected * parent_value) over ({{ by_index }}), 0) as fitted,
        nullif(sum(observed) over ({{ by_index }}), 0) as total
    from parents_{{ depth }}
),

-- The variance between months beyond chance, from Pearson's statistic, and its own error.
between_{{ depth }} as (
    select
        effect,
        case
            when sum(power(observed - fitted, 2) / fitted) > dispersion * sum(1 - fitted / total)
                then
                    (sum(power(observed - fitted, 2) / fitted) - dispersion * sum(1 - fitted / total))
                    / sum(fitted * (1 - fitted / total))
            else 0
        end as variance,
        dispersion * sqrt(2 * sum(1 - fitted / total)) / sum(fitted * (1 - fitted / total)) as variance_error
    from scaled_{{ depth }}
    where fitted > 0
    group by effect, dispersion
),

shrunk_{{ depth }} as (
    select
        scaled_{{ depth }}.*,
        coalesce(fitted * variance / (dispersion + fitted * variance), 0) as weight,
        (variance + variance_error) * dispersion
        / (dispersion + coalesce(fitted, 0) * (variance + variance_error)) as own_variance
    from scaled_{{ depth }}
    left join between_{{ depth }} on scaled_{{ depth }}.effect = between_{{ depth }}.effect
),

combined_{{ depth }} as (
    select
        *,
        parent_value * (1 + weight * coalesce(observed / nullif(fitted, 0) - 1, 0)) as combined,
        sqrt(power(parent_value, 2) * own_variance + power((1 - weight) * parent_error, 2)) as combined_error
    from shrunk_{{ depth }}
),

indices_{{ depth }} as (
    select
        *,
        combined / avg(combined) over ({{ by_index }}) as value,
        combined_error / avg(combined) over ({{ by_index }}) as std_error
    from combined_{{ depth }}
),

{% endfor -%}
indices as (
    select * from indices_0
    union all
    select * from indices_1
),

published as (
    select
        *,
        ratio / nullif(avg(ratio) over ({{ by_index }}), 0) as raw_value,
        -- shape of the gamma distribution with this mean and this error
        power(value / nullif(std_error, 0), 2) as shape
    from indices
)

select
    {{ index_of }},
    fiscal_month_of_year,
    value,
    raw_value,
    -- The 95 percent interval by Wilson and Hilferty's approximation to the gamma distribution; where
    -- the error is several times the value it does not hold, and a normal one is wide enough.
    case
        when 1 - 1 / (9 * shape) - {{ range_score(0.95) }} / (3 * sqrt(shape)) > 0
            then value * power(1 - 1 / (9 * shape) - {{ range_score(0.95) }} / (3 * sqrt(shape)), 3)
        when shape > 0 then 0
    end as lower,
    case
        when shape >= 0.1 then value * power(1 - 1 / (9 * shape) + {{ range_score(0.95) }} / (3 * sqrt(shape)), 3)
        else value + {{ range_score(0.95) }} * std_error
    end as upper,
    cast(observed_count as integer) as n,
    expected_count as expected,
    quarters_observed,
    max(case when is_long_enough then 1 else 0 end) over (partition by effect) = 0 as is_neutral
from published
