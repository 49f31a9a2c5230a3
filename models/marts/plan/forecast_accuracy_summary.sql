{%- set keys = ['measure', 'method', 'method_kind', 'horizon_weeks', 'cell_level', 'segment'] -%}
-- How far off each method was, by how far ahead. Sums over forecasts whose time has come; ratios of sums.
with scored as (
    select * from {{ ref('forecast_accuracy') }}
    where is_latest_vintage and actual is not null
),

summed as (
    select
        {% for key in keys -%}
        {{ key }},
        {% endfor -%}
        count(*) as forecast_count,
        sum(actual) as actual_amount,
        sum(error) as error_amount,
        sum(absolute_error) as absolute_error_amount,
        sum(pinball_loss) as pinball_loss_amount,
        sum(case when naive_error is not null then actual else 0 end) as compared_actual_amount,
        sum(case when naive_error is not null then absolute_error else 0 end) as compared_error_amount,
        sum(abs(naive_error)) as naive_error_amount,
        sum(case when interval_hit is not null then 1 else 0 end) as interval_count,
        sum(case when interval_hit then 1 else 0 end) as interval_hit_count,
        min(as_of_date) as first_as_of_date,
        max(as_of_date) as last_as_of_date
    from scored
    group by {{ keys | join(', ') }}
)

select
    {% for key in keys -%}
    summed.{{ key }},
    {% endfor -%}
    cast(summed.forecast_count as integer) as forecast_count,
    cast(summed.actual_amount as decimal(28, 2)) as actual_amount,
    cast(summed.error_amount as decimal(28, 2)) as error_amount,
    cast(summed.absolute_error_amount as decimal(28, 2)) as absolute_error_amount,
    cast(summed.pinball_loss_amount as decimal(28, 2)) as pinball_loss_amount,
    {{ ratio('summed.absolute_error_amount', 'summed.actual_amount') }} as wape,
    {{ ratio('summed.error_amount', 'summed.actual_amount') }} as bias,
    {{ ratio('summed.pinball_loss_amount', 'summed.forecast_count') }} as pinball_loss,
    {{ ratio('2 * summed.pinball_loss_amount', 'summed.actual_amount') }} as relative_pinball_loss,
    {{ ratio('summed.naive_error_amount', 'summed.compared_actual_amount') }} as naive_wape,
    1 - {{ ratio('summed.compared_error_amount', 'summed.naive_error_amount') }} as skill,
    cast(summed.interval_count as integer) as interval_count,
    cast(summed.interval_hit_count as integer) as interval_hit_count,
    {{ ratio('summed.interval_hit_count', 'summed.interval_count') }} as interval_hit_share,
    summed.first_as_of_date,
    summed.last_as_of_date,
    as_of.as_of_date
from summed
cross join {{ ref('int_as_of') }} as as_of
