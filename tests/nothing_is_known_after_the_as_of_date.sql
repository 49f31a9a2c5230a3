-- A build as of a past day uses only what was recorded by then.
with moments as (
    select
        'int_opportunities__versioned.valid_from' as known_from,
        max(valid_from) as latest
    from {{ ref('int_opportunities__versioned') }}
    union all
    select
        'opportunities.created_at' as known_from,
        max(created_at) as latest
    from {{ ref('opportunities') }}
    union all
    select
        'opportunities.closed_at' as known_from,
        max(closed_at) as latest
    from {{ ref('opportunities') }}
    union all
    select
        'pipeline_created.qualified_at' as known_from,
        max(qualified_at) as latest
    from {{ ref('pipeline_created') }}
    union all
    select
        'int_estimates__spells.left_on' as known_from,
        max(cast(left_on as {{ dbt.type_timestamp() }})) as latest
    from {{ ref('int_estimates__spells') }}
)

select
    moments.known_from,
    moments.latest,
    as_of.known_before
from moments
cross join {{ ref('int_as_of') }} as as_of
where moments.latest >= as_of.known_before
