-- A goal or target of a segment, deal type, territory or source that no mapping knows would never
-- meet the pipeline it is meant for.
with named as (
    select
        'bookings_goals' as seed,
        'segment' as dimension,
        segment as named_value
    from {{ ref('int_goals') }}
    union
    select
        'bookings_goals' as seed,
        'deal_type' as dimension,
        deal_type as named_value
    from {{ ref('int_goals') }}
    union
    select
        'bookings_goals' as seed,
        'territory' as dimension,
        territory as named_value
    from {{ ref('int_goals') }}
    union
    select
        'pipeline_targets' as seed,
        'segment' as dimension,
        segment as named_value
    from {{ ref('pipeline_targets') }}
    union
    select
        'pipeline_targets' as seed,
        'deal_type' as dimension,
        deal_type as named_value
    from {{ ref('pipeline_targets') }}
    union
    select
        'pipeline_targets' as seed,
        'territory' as dimension,
        territory as named_value
    from {{ ref('pipeline_targets') }}
    union
    select
        'pipeline_targets' as seed,
        'pipeline_source' as dimension,
        pipeline_source as named_value
    from {{ ref('pipeline_targets') }}
),

known as (
    select
        'segment' as dimension,
        segment as known_value
    from {{ ref('segment_rules') }}
    union
    select
        'deal_type' as dimension,
        deal_type as known_value
    from {{ ref('deal_type_map') }}
    union
    select
        'territory' as dimension,
        territory as known_value
    from {{ ref('territory_map') }}
    union
    select
        'pipeline_source' as dimension,
        pipeline_source as known_value
    from {{ ref('pipeline_source_map') }}
)

select
    named.seed,
    named.dimension,
    named.named_value
from named
left join known on named.dimension = known.dimension and named.named_value = known.known_value
-- 'all' is the one value of a dimension that is not planned by; 'unmapped' is a cell of its own.
where known.known_value is null and coalesce(named.named_value, '') not in ('all', 'unmapped')
