-- Costs that overlap would count an opportunity twice; one of a source or segment that no mapping
-- knows would never meet an opportunity.
with costs as (
    select
        pipeline_source,
        coalesce(segment, 'any segment') as segment,
        coalesce(valid_from, cast('1900-01-01' as date)) as valid_from,
        coalesce(valid_to, cast('2999-12-31' as date)) as valid_to
    from {{ ref('source_costs') }}
)

select
    'overlapping' as fault,
    earlier.pipeline_source,
    earlier.segment
from costs as earlier
inner join costs as later
    on
        earlier.pipeline_source = later.pipeline_source
        and earlier.segment = later.segment
        and earlier.valid_from < later.valid_from
        and earlier.valid_to > later.valid_from

union all

select
    'unknown' as fault,
    costs.pipeline_source,
    costs.segment
from costs
where
    (
        costs.pipeline_source not in ('all', 'unmapped')
        and costs.pipeline_source not in (select sources.pipeline_source from {{ ref('pipeline_source_map') }} as sources)
    )
    or (
        costs.segment not in ('any segment', 'all', 'unmapped')
        and costs.segment not in (select segments.segment from {{ ref('segment_rules') }} as segments)
    )
