{#- Each rule: how a row that breaks it is handled, and the condition under which it does. -#}
{%- set rules = {
    'close_before_creation': ('flagged', "repairs like '%close_before_creation%'"),
    'stage_unmapped': ('flagged', 'is_stage_unmapped'),
    'segment_unmapped': ('flagged', "segment = 'unmapped'"),
    'deal_type_unmapped': ('flagged', "deal_type = 'unmapped'"),
    'territory_unmapped': ('flagged', "territory = 'unmapped'"),
    'pipeline_source_unmapped': ('flagged', "pipeline_source = 'unmapped'"),
    'account_missing': ('flagged', 'is_account_missing'),
    'account_dangling': ('flagged', 'is_account_dangling'),
    'owner_dangling': ('flagged', 'is_owner_dangling'),
    'history_disagrees': ('flagged', 'is_history_disagreeing'),
    'amount_missing_at_qualification': ('flagged', "amount_flag = 'missing'"),
    'open_close_date_past': ('flagged', "pipeline_status = 'close_date_past'"),
    'name_garbled': ('flagged', "name like '%Ã%' or name like '%�%'"),
} -%}
{#- The repairs of crm_opportunities, by their names there. -#}
{%- for repair in [
    'amount_unreadable', 'amount_negative', 'amount_absurd', 'currency_without_rate',
    'close_date_unreadable', 'close_date_impossible',
] -%}
{%- do rules.update({repair: ('repaired', "repairs like '%" ~ repair ~ "%'")}) -%}
{%- endfor -%}

with mapped_stages as (
    select distinct
        crm,
        stage_name
    from {{ ref('int_stage_map') }}
),

examined as (
    select
        opportunities.crm,
        opportunities.name,
        opportunities.repairs,
        coalesce(current_state.amount, 0) as amount_affected,
        current_state.pipeline_status,
        current_state.is_history_disagreeing,
        mapped_stages.stage_name is null as is_stage_unmapped,
        {{ cell('attributes') }},
        attributes.is_account_missing,
        attributes.is_account_dangling,
        attributes.is_owner_dangling,
        qualified.amount_flag
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('crm_opportunities') }} as opportunities
        on current_state.opportunity_key = opportunities.opportunity_key
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    left join {{ ref('int_opportunities__qualified') }} as qualified
        on current_state.opportunity_key = qualified.opportunity_key
    left join mapped_stages
        on opportunities.crm = mapped_stages.crm and opportunities.stage_name = mapped_stages.stage_name
    where current_state.outcome <> 'deleted'
),

-- One pass over the opportunities counts every rule.
counted as (
    select
        {%- for rule, (_, condition) in rules.items() %}
        sum(case when {{ condition }} then 1 else 0 end) as {{ rule }}_rows,
        sum(case when {{ condition }} then amount_affected else 0 end) as {{ rule }}_amount,
        {%- endfor %}
        crm
    from examined
    group by crm
)

{% for rule, (handling, _) in rules.items() -%}
select
    crm,
    '{{ rule }}' as rule,
    '{{ handling }}' as handling,
    {{ rule }}_rows as row_count,
    {{ rule }}_amount as amount_affected
from counted
{% if not loop.last %}union all{% endif %}
{% endfor %}
