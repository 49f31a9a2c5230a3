-- What one more qualified opportunity of a source costs in a segment today: finance's standard cost,
-- else what was spent for those of the last four quarters that are over.
with latest_quarters as (
    select quarters.period_start as fiscal_quarter_start
    from {{ ref('int_coverage__past_periods') }} as quarters
    inner join {{ ref('int_calendar') }} as calendar
        on calendar.quarter_index - quarters.quarter_index between 1 and 4
    inner join {{ ref('int_as_of') }} as as_of on cast(as_of.known_before as date) = calendar.date_day
    where quarters.period_kind = 'quarter'
),

recent as (
    select
        history.pipeline_source,
        history.segment,
        history.created_count,
        history.spending
    from {{ ref('int_costs__pipeline_generation') }} as history
    inner join latest_quarters on history.fiscal_quarter_start = latest_quarters.fiscal_quarter_start
    where history.spending is not null
),

by_segment as (
    select
        pipeline_source,
        segment,
        sum(created_count) as created_count,
        {{ ratio('sum(spending)', 'sum(created_count)') }} as measured_cost
    from recent
    group by pipeline_source, segment
),

by_source as (
    select
        pipeline_source,
        {{ ratio('sum(spending)', 'sum(created_count)') }} as measured_cost
    from recent
    group by pipeline_source
),

-- Every source in every segment, whether it has created anything there or not.
cells as (
    select
        sources.pipeline_source,
        segments.segment
    from {{ ref('pipeline_source_map') }} as sources
    cross join {{ ref('segment_rules') }} as segments
    union
    select
        pipeline_source,
        segment
    from {{ ref('int_costs__pipeline_generation') }}
    where segment <> 'unallocated'
),

priced as (
    select
        cells.pipeline_source,
        cells.segment,
        cast({{ standard_cost() }} as {{ type_double() }}) as standard_cost,
        coalesce(by_segment.created_count, 0) as measured_count,
        coalesce(by_segment.measured_cost, by_source.measured_cost) as measured_cost,
        by_segment.measured_cost is not null as is_own
    from cells
    cross join {{ ref('int_as_of') }} as as_of
    left join by_segment on cells.pipeline_source = by_segment.pipeline_source and cells.segment = by_segment.segment
    left join by_source on cells.pipeline_source = by_source.pipeline_source
    {{ join_source_costs('cells', 'as_of.as_of_date') }}
)

select
    pipeline_source,
    segment,
    coalesce(standard_cost, measured_cost) as cost_per_opportunity,
    case
        when standard_cost is not null then 'standard'
        when measured_cost is null then 'unknown'
        when is_own then 'spending'
        else 'spending_all_segments'
    end as cost_basis,
    standard_cost,
    measured_cost,
    cast(measured_count as integer) as measured_count
from priced
