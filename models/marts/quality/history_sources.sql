-- An opportunity rests on one history, whole: one row of it tells which.
with told as (
    select
        opportunity_key,
        min(history_source) as history_source,
        max(case when history_quality = 'reconstructed' then 1 else 0 end) as is_reconstructed
    from {{ ref('crm_opportunity_changes') }}
    group by opportunity_key
)

select
    opportunities.crm,
    coalesce(told.history_source, 'none') as history_source,
    cast(count(*) as bigint) as opportunity_count,
    cast(sum(coalesce(told.is_reconstructed, 0)) as bigint) as reconstructed_count,
    cast(sum(coalesce(opportunities.amount, 0)) as decimal(28, 2)) as amount,
    as_of.as_of_date
from {{ ref('crm_opportunities') }} as opportunities
left join told on opportunities.opportunity_key = told.opportunity_key
cross join {{ ref('int_as_of') }} as as_of
where not opportunities.is_deleted
group by opportunities.crm, coalesce(told.history_source, 'none'), as_of.as_of_date
