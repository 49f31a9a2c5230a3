{#- Each rule: how a row that breaks it is handled, and the condition under which it does. -#}
{%- set rules = {
    'close_before_creation': ('flagged', "repairs like '%close_before_creation%'"),
    'stage_unmapped': ('flagged', 'is_stage_unmapped'),
    'stage_respelled': ('repaired', 'is_stage_respelled'),
    'segment_unmapped': ('flagged', "segment = 'unmapped'"),
    'deal_type_unmapped': ('flagged', "deal_type = 'unmapped'"),
    'territory_unmapped': ('flagged', "territory = 'unmapped'"),
    'pipeline_source_unmapped': ('flagged', "pipeline_source = 'unmapped'"),
    'account_missing': ('flagged', 'is_account_missing'),
    'account_dangling': ('flagged', 'is_account_dangling'),
    'owner_missing': ('flagged', 'is_owner_missing'),
    'owner_dangling': ('flagged', 'is_owner_dangling'),
    'opportunity_lead_dangling': ('flagged', 'is_lead_dangling'),
    'history_disagrees': ('flagged', 'is_history_disagreeing'),
    'modified_before_last_change': ('repaired', "last_changed_at > last_modified_at and coalesce(repairs, '') not like '%last_modified_impossible%'"),
    'reopened': ('flagged', 'reopening_count > 0'),
    'amount_missing_at_qualification': ('flagged', "amount_flag = 'missing'"),
    'open_close_date_past': ('flagged', "pipeline_status = 'close_date_past'"),
    'open_close_date_too_far': ('flagged', "pipeline_status = 'close_date_too_far'"),
    'name_garbled': ('flagged', is_garbled('name')),
} -%}
{#- The repairs of crm_opportunities, by their names there. -#}
{%- for repair in [
    'amount_unreadable', 'amount_negative', 'amount_absurd', 'currency_without_rate',
    'close_date_unreadable', 'close_date_impossible', 'close_date_far_future', 'last_modified_impossible',
] -%}
{%- do rules.update({repair: ('repaired', "repairs like '%" ~ repair ~ "%'")}) -%}
{%- endfor -%}

with names as (
    {{ spelled_stages(ref('int_stage_map')) }}
),

examined as (
    select
        opportunities.crm,
        opportunities.opportunity_id,
        opportunities.name,
        opportunities.repairs,
        opportunities.last_modified_at,
        opportunities.loaded_at,
        current_state.close_date,
        current_state.qualified_at,
        current_state.pipeline_status,
        current_state.is_history_disagreeing,
        current_state.last_changed_at,
        current_state.reopening_count,
        names.stage_name is null as is_stage_unmapped,
        coalesce(names.is_respelled, false) as is_stage_respelled,
        {{ cell('attributes') }},
        attributes.is_account_missing,
        attributes.is_account_dangling,
        attributes.owner_id is null as is_owner_missing,
        attributes.is_owner_dangling,
        opportunities.lead_id is not null and leads.lead_id is null as is_lead_dangling,
        qualified.amount_flag
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('crm_opportunities') }} as opportunities
        on current_state.opportunity_key = opportunities.opportunity_key
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    left join {{ ref('int_opportunities__qualified') }} as qualified
        on current_state.opportunity_key = qualified.opportunity_key
    left join {{ ref('crm_leads') }} as leads
        on opportunities.crm = leads.crm and opportunities.lead_id = leads.lead_id
    left join names
        on opportunities.crm = names.crm and opportunities.stage_name = names.stage_name
    where current_state.outcome <> 'deleted'
),

-- One pass over the opportunities lists what each breaks.
judged as (
    select
        *,
        {% for rule, (_, condition) in rules.items() -%}
        case when {{ condition }} then '{{ rule }},' else '' end{{ ' ||' if not loop.last else ' as rules' }}
        {% endfor -%}
    from examined
),

split as (
    select
        crm,
        opportunity_id,
        last_modified_at,
        loaded_at,
        close_date,
        qualified_at,
        last_changed_at,
        {{ split_to_rows('rules', ',') }} as rule
    from judged
    where rules <> ''
)

select
    split.crm,
    split.opportunity_id as row_id,
    split.rule,
    case split.rule
        {%- for rule, (handling, _) in rules.items() %}
        when '{{ rule }}' then '{{ handling }}'
        {%- endfor %}
    end as handling,
    case split.rule
        -- These come about by themselves, on a day that the row tells.
        when 'open_close_date_past' then cast({{ dbt.dateadd('day', 1, 'split.close_date') }} as date)
        when 'amount_missing_at_qualification' then cast(split.qualified_at as date)
        when 'reopened' then cast(split.last_changed_at as date)
        else {{ fault_entered_on('split.last_modified_at', 'split.loaded_at') }}
    end as entered_on
from split
cross join {{ ref('int_as_of') }} as as_of
where split.rule <> ''
