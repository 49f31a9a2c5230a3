{#- The repair rules of crm_opportunities, by their names there. -#}
{%- set repairs = [
    'amount_unreadable', 'amount_negative', 'amount_absurd', 'currency_without_rate',
    'close_date_unreadable', 'close_date_impossible', 'close_before_creation',
] -%}
{#- Conditions over the opportunities, each counted under its name. -#}
{%- set flags = {
    'stage_unmapped': 'is_stage_unmapped',
    'segment_unmapped': "segment = 'unmapped'",
    'deal_type_unmapped': "deal_type = 'unmapped'",
    'territory_unmapped': "territory = 'unmapped'",
    'pipeline_source_unmapped': "pipeline_source = 'unmapped'",
    'account_missing': 'is_account_missing',
    'account_dangling': 'is_account_dangling',
    'owner_dangling': 'is_owner_dangling',
    'history_disagrees': 'is_history_disagreeing',
    'amount_missing_at_qualification': "amount_flag = 'missing'",
    'open_close_date_past': "pipeline_status = 'close_date_past'",
    'name_garbled': "name like '%Ã%' or name like '%�%'",
} -%}

with mapped_stages as (
    select distinct
        crm,
        stage_name
    from {{ ref('int_stage_map') }}
),

examined as (
    select
        opportunities.*,
        coalesce(opportunities.amount, 0) as amount_affected,
        mapped_stages.stage_name is null as is_stage_unmapped,
        attributes.is_account_missing,
        attributes.is_account_dangling,
        attributes.is_owner_dangling
    from {{ ref('opportunities') }} as opportunities
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on opportunities.opportunity_key = attributes.opportunity_key
    left join mapped_stages
        on opportunities.crm = mapped_stages.crm and opportunities.stage_name = mapped_stages.stage_name
    where opportunities.outcome <> 'deleted'
),

-- One pass over the opportunities counts every rule.
counted as (
    select
        crm
        {%- for rule in repairs %},
        sum(case when repairs like '%{{ rule }}%' then 1 else 0 end) as {{ rule }}_rows,
        sum(case when repairs like '%{{ rule }}%' then amount_affected else 0 end) as {{ rule }}_amount
        {%- endfor %}
        {%- for rule, condition in flags.items() %},
        sum(case when {{ condition }} then 1 else 0 end) as {{ rule }}_rows,
        sum(case when {{ condition }} then amount_affected else 0 end) as {{ rule }}_amount
        {%- endfor %}
    from examined
    group by crm
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
    {%- for rule in repairs %}
    select
        crm,
        '{{ rule }}' as rule,
        '{{ "flagged" if rule == "close_before_creation" else "repaired" }}' as handling,
        {{ rule }}_rows as row_count,
        {{ rule }}_amount as amount_affected
    from counted
    union all
    {%- endfor %}
    {%- for rule in flags %}
    select
        crm,
        '{{ rule }}' as rule,
        'flagged' as handling,
        {{ rule }}_rows as row_count,
        {{ rule }}_amount as amount_affected
    from counted
    union all
    {%- endfor %}
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
