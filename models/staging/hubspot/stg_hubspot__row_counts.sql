{{ config(enabled='hubspot' in var('crm_sources')) }}
{#- What came in, table by table, for the reconciliation: nothing may be lost on the way. -#}
{%- set whole_tables = {
    'deal': 'opportunities', 'company': 'accounts', 'owner': 'users', 'contact': 'leads',
    'engagement_call': 'touches', 'engagement_email': 'touches', 'engagement_task': 'touches', 'engagement_meeting': 'touches',
} -%}
{%- set lead_source = hubspot_lead_source(raw_columns('hubspot', 'deal')) -%}
{%- set properties = {
    'deal_property_history': ('deal_id', ['hubspot_owner_id', 'dealtype', lead_source]),
    'company_property_history': ('company_id', ['numberofemployees', 'country']),
} -%}
{%- set deal_columns = raw_columns('hubspot', 'deal') -%}
{%- set history_columns = raw_columns('hubspot', 'deal_property_history') -%}
{%- set contact_columns = raw_columns('hubspot', 'contact_property_history') -%}

{% for raw_name, contract_table in whole_tables.items() -%}
select
    '{{ contract_table }}' as contract_table,
    '{{ raw_name }}' as raw_table,
    count(*) as rows_in,
    0 as rows_out_of_scope
from {{ raw_table('hubspot', raw_name, raw_columns('hubspot', raw_name)) }}
union all
{% endfor -%}
{#- A property at creation is no change, and neither is a copy of a row. -#}
{% for raw_name, (key, names) in properties.items() -%}
select
    'attribute_changes' as contract_table,
    '{{ raw_name }}' as raw_table,
    received.rows_in,
    received.rows_in - changes.rows_in_scope as rows_out_of_scope
from (select count(*) as rows_in from {{ raw_table('hubspot', raw_name, raw_columns('hubspot', raw_name)) }}) as received
cross join (
    select count(*) as rows_in_scope
    from ({{ hubspot_property_changes(raw_name, key, names) }}) as values_given
    where is_change
) as changes
union all
{% endfor -%}
{#- What the histories of a deal's stage, amount and so on say of one moment is one change. -#}
select
    'opportunity_changes' as contract_table,
    'deal_property_history' as raw_table,
    received.rows_in + entered.rows_in + dated.rows_in as rows_in,
    received.rows_in + entered.rows_in + dated.rows_in - changes.rows_in_scope as rows_out_of_scope
from (select count(*) as rows_in from {{ raw_table('hubspot', 'deal_property_history', history_columns) }}) as received
cross join (select count(*) as rows_in from {{ raw_table('hubspot', 'deal_stage', raw_columns('hubspot', 'deal_stage')) }}) as entered
cross join (
    select
        coalesce(sum(
            0
            {%- for name in hubspot_entry_date_properties(deal_columns) %}
            + case when {{ raw_timestamp(name, deal_columns) }} is not null then 1 else 0 end
            {%- endfor %}
        ), 0) as rows_in
    from {{ raw_table('hubspot', 'deal', deal_columns) }}
) as dated
cross join (
    select count(*) as rows_in_scope
    from (
        select distinct
            opportunity_id,
            changed_at
        from ({{ hubspot_deal_events(hubspot_state_properties()) }}) as events
    ) as moments
) as changes
union all
select
    'lead_changes' as contract_table,
    'contact_property_history' as raw_table,
    count(*) as rows_in,
    coalesce(sum(case when {{ raw_text('name', contact_columns) }} = 'lifecyclestage' then 0 else 1 end), 0) as rows_out_of_scope
from {{ raw_table('hubspot', 'contact_property_history', contact_columns) }}
