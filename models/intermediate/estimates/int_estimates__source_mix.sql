{%- set minimum = var('minimum_sample') -%}
-- Where the qualified pipeline of a goal cell comes from. The whole mix of a goal cell is taken
-- at one level, so that its shares sum to one: its own where there is enough, else that of its
-- segment and deal type, else the company's.
with goal_cells as (
    select distinct
        segment,
        deal_type,
        territory
    from {{ ref('int_estimates__amounts') }}
    where cell_level = 'goal_cell' and estimation_window = 'all_time'
),

counts as (
    select * from {{ ref('int_estimates__amounts') }}
    where cell_level = 'cell'
),

candidates as (
    select
        'goal_cell' as source_level,
        1 as preference,
        goal_cells.segment,
        goal_cells.deal_type,
        goal_cells.territory,
        counts.estimation_window,
        counts.pipeline_source,
        counts.custom_dimension,
        counts.created_count
    from goal_cells
    inner join counts
        on goal_cells.segment = counts.segment and goal_cells.deal_type = counts.deal_type and goal_cells.territory = counts.territory
    union all
    select
        'segment_deal_type' as source_level,
        2 as preference,
        goal_cells.segment,
        goal_cells.deal_type,
        goal_cells.territory,
        counts.estimation_window,
        counts.pipeline_source,
        counts.custom_dimension,
        counts.created_count
    from goal_cells
    inner join counts on goal_cells.segment = counts.segment and goal_cells.deal_type = counts.deal_type
    union all
    select
        'company' as source_level,
        3 as preference,
        goal_cells.segment,
        goal_cells.deal_type,
        goal_cells.territory,
        counts.estimation_window,
        counts.pipeline_source,
        counts.custom_dimension,
        counts.created_count
    from goal_cells
    cross join counts
),

shares as (
    select
        source_level,
        preference,
        segment,
        deal_type,
        territory,
        pipeline_source,
        custom_dimension,
        sum(case when estimation_window = 'lookback' then created_count else 0 end) as lookback_count,
        sum(case when estimation_window = 'prior_year' then created_count else 0 end) as prior_year_count,
        sum(case when estimation_window = 'all_time' then created_count else 0 end) as all_time_count
    from candidates
    group by source_level, preference, segment, deal_type, territory, pipeline_source, custom_dimension
),

totals as (
    select
        *,
        sum(lookback_count) over (partition by preference, segment, deal_type, territory) as lookback_n,
        sum(prior_year_count) over (partition by preference, segment, deal_type, territory) as prior_year_n,
        sum(all_time_count) over (partition by preference, segment, deal_type, territory) as all_time_n
    from shares
),

weighted as (
    select
        *,
        case
            when lookback_n >= {{ minimum }} and prior_year_n >= {{ minimum }} then cast({{ var('prior_year_weight') }} as {{ type_double() }})
            when lookback_n >= {{ minimum }} then cast(0 as {{ type_double() }})
            when prior_year_n >= {{ minimum }} then cast(1 as {{ type_double() }})
        end as prior_year_weight
    from totals
),

-- The same order as for every other assumption: a level's recent windows, then, of a parent, its
-- whole history, then the next parent's windows.
ranked as (
    select
        *,
        case
            when prior_year_weight is not null then 2 * preference
            when preference > 1 and all_time_n >= {{ minimum }} then 2 * preference + 1
            else 10 - preference
        end as distance
    from weighted
),

chosen as (
    select
        *,
        min(distance) over (partition by segment, deal_type, territory) as least_distance
    from ranked
)

select
    segment,
    deal_type,
    territory,
    pipeline_source,
    custom_dimension,
    source_level,
    case when prior_year_weight is null then 'all_time' else 'lookback+prior_year' end as estimation_window,
    {{ ratio('lookback_count', 'lookback_n') }} as lookback_value,
    cast(lookback_n as integer) as lookback_n,
    {{ ratio('prior_year_count', 'prior_year_n') }} as prior_year_value,
    cast(prior_year_n as integer) as prior_year_n,
    prior_year_weight,
    case
        when prior_year_weight is null then {{ ratio('all_time_count', 'all_time_n') }}
        else
            (1 - prior_year_weight) * coalesce({{ ratio('lookback_count', 'lookback_n') }}, 0)
            + prior_year_weight * coalesce({{ ratio('prior_year_count', 'prior_year_n') }}, 0)
    end as value,
    cast(
        case
            when prior_year_weight is null then all_time_n
            when prior_year_weight = 0 then lookback_n
            when prior_year_weight = 1 then prior_year_n
            else lookback_n + prior_year_n
        end as integer
    ) as n
from chosen
where distance = least_distance
