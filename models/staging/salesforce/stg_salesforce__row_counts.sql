{{ config(enabled='salesforce' in var('crm_sources')) }}
{#- What came in, table by table, for the reconciliation: nothing may be lost on the way. -#}
{%- set tables = [
    ('opportunities', 'opportunity', 'false'),
    ('opportunity_changes', 'opportunity_history', 'false'),
    ('attribute_changes', 'opportunity_field_history', "not (field in ('LeadSource', 'Type') or (field = 'Owner' and data_type = 'EntityId'))"),
    ('attribute_changes', 'account_history', "field not in ('NumberOfEmployees', 'BillingCountry')"),
    ('accounts', 'account', 'false'),
    ('users', 'user', 'false'),
    ('leads', 'lead', 'false'),
    ('lead_changes', 'lead_history', "field <> 'Status'"),
    ('touches', 'task', 'false'),
    ('touches', 'event', 'false'),
] -%}
{%- for contract_table, raw_name, out_of_scope in tables %}
{%- set columns = raw_columns('salesforce', raw_name) %}
{%- set is_sobject = not ((raw_name == 'opportunity_history' and 'opportunity_id' not in columns) or (raw_name == 'account_history' and 'field' not in columns)) %}
select
    '{{ contract_table }}' as contract_table,
    '{{ raw_name }}' as raw_table,
    count(*) as rows_in,
    coalesce(sum(case when {{ out_of_scope if columns and is_sobject else 'false' }} then 1 else 0 end), 0) as rows_out_of_scope
from {{ raw_table('salesforce', raw_name, columns if is_sobject else {}) }}
{% if not loop.last %}union all{% endif %}
{%- endfor %}
