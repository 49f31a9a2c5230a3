{#-
    The curves from each stage to the next, at every age up to their reach, at the levels that may
    speak for an open opportunity. A curve reaches as far as at least minimum_events were at risk;
    beyond, an event could not be told from an accident.
-#}
{%- set curve = 'cell_level, segment, deal_type, from_stage, to_stage' -%}
{%- set day_number = dbt.datediff(calendar_first_day(), 'date_day', 'day') -%}
{%- set by_age = 'partition by curve_key order by age_days' -%}

with measured as (
    select
        {{ curve }},
        dense_rank() over (order by {{ curve }}) as curve_key,
        min(to_stage) over (partition by from_stage) as next_stage,
        age_days,
        at_risk_count,
        at_risk_count - departed_count as watched_count,
        advanced_count,
        incidence,
        cumulative_incidence,
        cumulative_incidence + cumulative_lost + cumulative_derailed as left_share
    from {{ ref('int_estimates__curves') }}
    where
        estimation_window = 'all_time'
        and from_stage >= {{ var('qualifying_stage') }}
        and cell_level in ('company', 'segment', 'segment_deal_type')
),

curves as (
    select * from measured
    where to_stage = next_stage
),

reaches as (
    select
        {{ curve }},
        curve_key,
        max(age_days) as reach_days,
        sum(advanced_count) as advance_count,
        max(cumulative_incidence) as final_share
    from curves
    where at_risk_count >= {{ var('minimum_events') }}
    group by {{ curve }}, curve_key
),

ages as (
    select {{ day_number }} as age_days
    from {{ ref('int_calendar') }}
),

by_age as (
    select
        reaches.*,
        ages.age_days,
        curves.watched_count,
        coalesce(curves.advanced_count, 0) as advanced_count,
        coalesce(curves.incidence, 0) as incidence,
        curves.cumulative_incidence,
        curves.left_share
    from reaches
    inner join ages on reaches.reach_days >= ages.age_days
    left join curves on reaches.curve_key = curves.curve_key and ages.age_days = curves.age_days
),

-- Between two ages at which something happened, nobody came and nobody left.
numbered as (
    select
        *,
        count(watched_count) over ({{ by_age }}) as point,
        max(cumulative_incidence) over ({{ by_age }}) as advanced_share
    from by_age
),

-- The quarter of those that advance to which an age belongs: the quickest are 1. The company's own holds
-- for every level; the tolerance keeps rounding errors from deciding.
paced as (
    select
        *,
        cast(
            least(1 + floor(4 * (advanced_share - incidence) / nullif(final_share, 0) + 0.000000001), 4) as integer
        ) as pace
    from numbered
)

select
    cell_level,
    segment,
    deal_type,
    cast(from_stage as integer) as from_stage,
    cast(to_stage as integer) as to_stage,
    cast(reach_days as integer) as reach_days,
    cast(advance_count as integer) as advance_count,
    cast(age_days as integer) as age_days,
    cast(max(watched_count) over (partition by curve_key, point) as integer) as watched_count,
    cast(advance_count - sum(advanced_count) over ({{ by_age }}) as integer) as later_advance_count,
    incidence,
    advanced_share,
    max(left_share) over ({{ by_age }}) as left_share,
    coalesce(max(case when cell_level = 'company' then pace end) over (partition by from_stage, age_days), 4) as pace
from paced
