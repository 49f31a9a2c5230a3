-- Whatever its history, an opportunity created by the as-of date stands in exactly one state now.
with last_versions as (
    select
        opportunity_key,
        sum(case when valid_to is null then 1 else 0 end) as last_version_count
    from {{ ref('int_opportunities__versioned') }}
    group by opportunity_key
)

select
    opportunities.opportunity_key,
    last_versions.last_version_count
from {{ ref('crm_opportunities') }} as opportunities
inner join {{ ref('int_as_of') }} as as_of on opportunities.created_at < as_of.known_before
left join last_versions on opportunities.opportunity_key = last_versions.opportunity_key
where coalesce(last_versions.last_version_count, 0) <> 1
