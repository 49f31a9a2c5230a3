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
{%- set is_sobject = not ((raw_name == 'opportunity_history' and 'opportunity_id' not in columns) or (raw_name == 'account_history' and 'field' not in columns)) %}
select
    '{{ contract_table }}' as contract_table,
    '{{ raw_name }}' as raw_table,
    count(*) as rows_in,
    {%- if fields is none or not is_sobject %}
    0 as rows_out_of_scope
    {%- else %}
    -- changes of fields that nothing here depends on
    coalesce(sum(
        case
            when {{ raw_text('field', columns) }} in ('{{ fields | join("', '") }}') then 0
            {%- if raw_name == 'opportunity_field_history' %}
            when {{ raw_text('field', columns) }} = 'Owner' and {{ raw_text('data_type', columns) }} = 'EntityId' then 0
            {%- endif %}
            else 1
        end
    ), 0) as rows_out_of_scope
    {%- endif %}
from {{ raw_table('salesforce', raw_name, columns if is_sobject else {}) }}
{% if not loop.last %}union all{% endif %}
{%- endfor %}
