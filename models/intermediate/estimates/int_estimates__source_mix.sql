-- Where the qualified pipeline of a goal cell comes from, and that of each level above it. A source
-- that a goal cell has never had is there with 0, so that its parent's share can reach it.
with counts as (
    select * from {{ ref('int_estimates__amounts') }}
    where cell_level = 'cell'
),

levelled as (
    select
        counts.estimation_window,
        levels.cell_level,
        {{ cell_at_level('counts', prefix='goal_') }},
        counts.pipeline_source,
        counts.custom_dimension,
        counts.created_count
    from counts
    inner join {{ ref('cell_levels') }} as levels on levels.by_pipeline_source + levels.by_custom_dimension = 0
),

mixed as (
    select
        estimation_window,
        cell_level,
        goal_segment,
        goal_deal_type,
        goal_territory,
        pipeline_source,
        custom_dimension,
        sum(created_count) as created_count
    from levelled
    group by estimation_window, cell_level, goal_segment, goal_deal_type, goal_territory, pipeline_source, custom_dimension
),

totals as (
    select
        estimation_window,
        cell_level,
        goal_segment,
        goal_deal_type,
        goal_territory,
        sum(created_count) as created_count
    from mixed
    group by estimation_window, cell_level, goal_segment, goal_deal_type, goal_territory
),

sources as (
    select distinct
        pipeline_source,
        custom_dimension
    from counts
)

select
    totals.estimation_window,
    totals.cell_level,
    totals.goal_segment as segment,
    totals.goal_deal_type as deal_type,
    totals.goal_territory as territory,
    sources.pipeline_source,
    sources.custom_dimension,
    cast(totals.created_count as integer) as n,
    cast(coalesce(mixed.created_count, 0) as integer) as created_count,
    {{ ratio('coalesce(mixed.created_count, 0)', 'totals.created_count') }} as share
from totals
cross join sources
left join mixed
    on
        totals.estimation_window = mixed.estimation_window
        and totals.cell_level = mixed.cell_level
        and totals.goal_segment = mixed.goal_segment
        and totals.goal_deal_type = mixed.goal_deal_type
        and totals.goal_territory = mixed.goal_territory
        and sources.pipeline_source = mixed.pipeline_source
        and sources.custom_dimension = mixed.custom_dimension
where totals.created_count > 0
