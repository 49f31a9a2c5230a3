{{ config(enabled='flat_file' in var('crm_sources')) }}
{#- What came in, table by table, for the reconciliation: nothing may be lost on the way. -#}
{%- set tables = ['opportunities', 'opportunity_changes', 'accounts', 'users', 'leads', 'lead_changes', 'touches'] -%}
{%- for raw_name in tables %}
select
    '{{ raw_name }}' as contract_table,
    '{{ raw_name }}' as raw_table,
    count(*) as rows_in,
    0 as rows_out_of_scope
from {{ raw_table('flat_file', raw_name, raw_columns('flat_file', raw_name)) }}
{% if not loop.last %}union all{% endif %}
{%- endfor %}
