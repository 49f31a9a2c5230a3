{%- set measures = ['open_count_raw', 'open_amount_raw', 'open_count_real', 'open_amount_real', 'open_squares_real',
    'weighted_amount', 'won_to_date'] -%}
with levelled as (
    select
        facts.as_of_date,
        facts.horizon,
        levels.cell_level,
        {{ cell_at_level('facts') }},
        {% for measure in measures -%}
        facts.{{ measure }},
        {% endfor -%}
        facts.largest_deal_amount,
        case when levels.by_pipeline_source + levels.by_custom_dimension = 0 then facts.bookings_goal end as bookings_goal
    from {{ ref('int_coverage__facts') }} as facts
    inner join {{ ref('cell_levels') }} as levels
        on
            levels.is_published = 1
            and (facts.pipeline_source <> '*' or levels.by_pipeline_source + levels.by_custom_dimension = 0)
)

select
    as_of_date,
    horizon,
    cell_level,
    {{ cell() }},
    {% for measure in measures -%}
    sum({{ measure }}) as {{ measure }},
    {% endfor -%}
    max(largest_deal_amount) as largest_deal_amount,
    -- A goal of nothing is no goal.
    nullif(sum(bookings_goal), 0) as bookings_goal
from levelled
group by as_of_date, horizon, cell_level, {{ cell() }}
