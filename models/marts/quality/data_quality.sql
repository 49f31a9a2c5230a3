with mapped_stages as (
    select distinct
        crm,
        stage_name
    from {{ ref('int_stage_map') }}
),

history_stages as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        stage_name,
        count(*) as row_count
    from {{ ref('stg_' ~ crm ~ '__opportunity_changes') }}
    group by stage_name
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

found as (
    select
        crm,
        rule,
        handling,
        row_count,
        amount_affected
    from {{ ref('int_quality__opportunity_rules') }}
    union all
    select
        crm,
        rule,
        handling,
        row_count,
        amount_affected
    from {{ ref('int_quality__histories') }}
    union all
    select
        history_stages.crm,
        'history_stage_unmapped' as rule,
        'skipped' as handling,
        sum(history_stages.row_count) as row_count,
        0 as amount_affected
    from history_stages
    left join mapped_stages
        on history_stages.crm = mapped_stages.crm and history_stages.stage_name = mapped_stages.stage_name
    where mapped_stages.stage_name is null
    group by history_stages.crm
    union all
    select
        leads.crm,
        'lead_opportunity_dangling' as rule,
        'flagged' as handling,
        count(*) as row_count,
        0 as amount_affected
    from {{ ref('crm_leads') }} as leads
    left join {{ ref('crm_opportunities') }} as opportunities
        on leads.crm = opportunities.crm and leads.opportunity_id = opportunities.opportunity_id
    where leads.opportunity_id is not null and opportunities.opportunity_id is null
    group by leads.crm
    union all
    select
        leads.crm,
        'lead_owner_dangling' as rule,
        'flagged' as handling,
        count(*) as row_count,
        0 as amount_affected
    from {{ ref('crm_leads') }} as leads
    left join {{ ref('crm_users') }} as users on leads.crm = users.crm and leads.owner_id = users.user_id
    where leads.owner_id is not null and users.user_id is null
    group by leads.crm
    union all
    select
        crm,
        contract_table || '_' || reason as rule,
        'quarantined' as handling,
        count(*) as row_count,
        sum(coalesce(amount, 0)) as amount_affected
    from {{ ref('quarantine') }}
    group by crm, contract_table, reason
    union all
    select
        crm,
        contract_table || '_superseded' as rule,
        'superseded' as handling,
        rows_superseded as row_count,
        0 as amount_affected
    from {{ ref('reconciliation') }}
)

select
    found.crm,
    found.rule,
    found.handling,
    cast(found.row_count as bigint) as row_count,
    cast(found.amount_affected as decimal(28, 2)) as amount_affected,
    as_of.as_of_date
from found
cross join {{ ref('int_as_of') }} as as_of
where found.row_count > 0
