{{ config(enabled='salesforce' in var('crm_sources')) }}
{#- Copies that raw_latest leaves out of the tables that have no state. -#}
{%- set tables = [
    ('attribute_changes', 'opportunity_field_history', 'opportunity_id', "('LeadSource', 'Type', 'Owner')"),
    ('attribute_changes', 'account_history', 'account_id', "('NumberOfEmployees', 'BillingCountry')"),
    ('lead_changes', 'lead_history', 'lead_id', "('Status')"),
    ('touches', 'task', 'id', none),
    ('touches', 'event', 'id', none),
] -%}
{%- set text = dbt.type_string() -%}

{%- for contract_table, raw_name, key, fields in tables %}
{%- set columns = raw_columns('salesforce', raw_name) %}
{%- if raw_may_have_copies('salesforce', columns, 'id') %}
select
    '{{ contract_table }}' as contract_table,
    max({{ raw_id(key, columns) }}) as row_id,
    'copy' as reason,
    count(*) - 1 as row_count,
    max({{ raw_timestamp('_fivetran_synced', columns) }}) as loaded_at
from {{ raw_table('salesforce', raw_name, columns) }}
where
    {{ raw_id('id', columns) }} is not null
    {%- if fields is not none %}
    and {{ raw_text('field', columns) }} in {{ fields }}
    {%- endif %}
    {%- if raw_name == 'opportunity_field_history' %}
    and ({{ raw_text('field', columns) }} <> 'Owner' or {{ raw_text('data_type', columns) }} = 'EntityId')
    {%- endif %}
group by {{ raw_id('id', columns) }}
having count(*) > 1
union all
{%- endif %}
{%- endfor %}
select
    cast(null as {{ text }}) as contract_table,
    cast(null as {{ text }}) as row_id,
    cast(null as {{ text }}) as reason,
    0 as row_count,
    cast(null as {{ dbt.type_timestamp() }}) as loaded_at
where false
