{{ config(enabled='salesforce' in var('crm_sources')) }}
{#- What came in, table by table, for the reconciliation: nothing may be lost on the way. -#}
{%- set tables = [
    ('opportunities', 'opportunity', none),
    ('opportunity_changes', 'opportunity_history', none),
    ('attribute_changes', 'opportunity_field_history', ['LeadSource', 'Type']),
    ('attribute_changes', 'account_history', ['NumberOfEmployees', 'BillingCountry']),
    ('accounts', 'account', none),
    ('users', 'user', none),
    ('leads', 'lead', none),
    ('lead_changes', 'lead_history', ['Status']),
    ('touches', 'task', none),
    ('touches', 'event', none),
] -%}
{%- for contract_table, raw_name, fields in tables %}
{%- set columns = raw_columns('salesforce', raw_name) %}
{%- set needed = {'opportunity_history': 'opportunity_id', 'account_history': 'field'} %}
{%- set is_sobject = raw_name not in needed or raw_column(needed[raw_name], columns) is not none %}
select
    '{{ contract_table }}' as contract_table,
    '{{ raw_name }}' as raw_table,
    count(*) as rows_in,
    {%- if contract_table == 'touches' %}
    {{ raw_copies('salesforce', columns) }} as rows_out_of_scope
    {%- elif fields is none or not is_sobject %}
    0 as rows_out_of_scope
    {%- else %}
    {%- set in_scope -%}
    {{ raw_text('field', columns) }} in ('{{ fields | join("', '") }}')
    {%- if raw_name == 'opportunity_field_history' %}
    or ({{ raw_text('field', columns) }} = 'Owner' and {{ raw_text('data_type', columns) }} = 'EntityId')
    {%- endif %}
    {%- endset %}
    -- changes of fields that nothing here depends on, and copies of the others
    coalesce(sum(case when {{ in_scope }} then 0 else 1 end), 0)
    + {{ raw_copies('salesforce', columns, in_scope) }} as rows_out_of_scope
    {%- endif %}
from {{ raw_table('salesforce', raw_name, columns if is_sobject else {}) }}
{% if not loop.last %}union all{% endif %}
{%- endfor %}
