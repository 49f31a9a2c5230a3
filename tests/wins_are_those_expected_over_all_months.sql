-- The accounting of the closing index: over all months a cell's wins are its expected wins (what
-- Nelson and Aalen's hazards give back by their making), and they are the wins of its curve.
with wins as (
    select
        cell_level,
        {{ cell() }},
        sum(observed_count) as observed_count,
        sum(expected_count) as expected_count
    from {{ ref('int_seasonality__closing') }}
    group by cell_level, {{ cell() }}
),

curves as (
    select
        cell_level,
        {{ cell() }},
        sum(advanced_count) as advanced_count
    from {{ ref('int_estimates__curves') }}
    where
        estimation_window = 'all_time'
        and from_stage = {{ var('qualifying_stage') }}
        and to_stage = {{ var('won_stage') }}
    group by cell_level, {{ cell() }}
)

select
    wins.*,
    curves.advanced_count
from wins
left join curves on wins.cell_level = curves.cell_level and {{ same_cell('wins', 'curves') }}
where
    abs(wins.expected_count - wins.observed_count) > 1e-9 * (1 + wins.observed_count)
    or curves.advanced_count is null
    or curves.advanced_count <> wins.observed_count
