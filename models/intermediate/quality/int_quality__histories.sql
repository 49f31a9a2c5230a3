-- An opportunity rests on one history, whole: one row of it tells which.
with told as (
    select
        opportunity_key,
        min(history_source) as history_source,
        max(case when history_quality = 'reconstructed' then 1 else 0 end) as is_reconstructed
    from {{ ref('crm_opportunity_changes') }}
    group by opportunity_key
),

opportunities as (
    select
        opportunities.crm,
        'history_' || coalesce('from_' || told.history_source, 'missing') as rule,
        coalesce(told.is_reconstructed, 0) as is_reconstructed,
        coalesce(opportunities.amount, 0) as amount
    from {{ ref('crm_opportunities') }} as opportunities
    left join told on opportunities.opportunity_key = told.opportunity_key
    where not opportunities.is_deleted
)

select
    crm,
    rule,
    case when rule = 'history_missing' then 'flagged' else 'noted' end as handling,
    count(*) as row_count,
    sum(amount) as amount_affected
from opportunities
group by crm, rule

union all

select
    crm,
    'history_reconstructed' as rule,
    'flagged' as handling,
    count(*) as row_count,
    sum(amount) as amount_affected
from opportunities
where is_reconstructed = 1
group by crm
