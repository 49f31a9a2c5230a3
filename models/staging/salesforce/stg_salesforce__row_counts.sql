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
{%- set field_columns = raw_columns('salesforce', 'opportunity_field_history') -%}
{%- set opportunity_columns = raw_columns('salesforce', 'opportunity') -%}
{%- set is_of_state = raw_text('field', field_columns) ~ " in ('" ~ salesforce_history_fields() | join("', '") ~ "')" -%}

with state_fields as (
    select count(*) as row_count
    from {{ raw_table('salesforce', 'opportunity_field_history', field_columns, all_versions=true) }}
    where {{ is_of_state }}
),

-- What the field history says of one moment is one state. That of the creation is told by the opportunity,
-- and is a row, too.
moments as (
    select
        opportunity_id,
        changed_at,
        sum(case when field is null then 1 else 0 end) as creations
    from {{ ref('stg_salesforce__opportunity_field_changes') }}
    group by opportunity_id, changed_at
),

field_states as (
    select
        count(*) as row_count,
        coalesce(sum(creations), 0) as creations
    from moments
),

-- In history mode every row of an opportunity is a state as well.
versions as (
    select count(*) as row_count
    from {{ raw_table('salesforce', 'opportunity', opportunity_columns if raw_is_versioned(opportunity_columns) else {}, all_versions=true) }}
),

version_states as (
    select count(*) as row_count
    from {{ ref('stg_salesforce__opportunity_versions') }}
)

{% for contract_table, raw_name, fields in tables %}
{%- set columns = raw_columns('salesforce', raw_name) %}
{%- set needed = {'opportunity_history': 'opportunity_id', 'account_history': 'field'} %}
{%- set columns = columns if raw_name not in needed or raw_column(needed[raw_name], columns) is not none else {} %}
select
    '{{ contract_table }}' as contract_table,
    '{{ raw_name }}' as raw_table,
    count(*) as rows_in,
    {%- if contract_table == 'touches' or (fields is none and raw_is_versioned(columns)) %}
    -- copies, or versions before the last
    {{ raw_copies('salesforce', columns) }} as rows_out_of_scope
    {%- elif fields is none or not columns %}
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
from {{ raw_table('salesforce', raw_name, columns, all_versions=true) }}
{% if raw_name == 'opportunity_field_history' %}where not coalesce({{ is_of_state }}, false){% endif %}
union all
{%- endfor %}

select
    'opportunity_changes' as contract_table,
    'opportunity_field_history' as raw_table,
    state_fields.row_count + field_states.creations as rows_in,
    state_fields.row_count + field_states.creations - field_states.row_count as rows_out_of_scope
from state_fields
cross join field_states
union all
select
    'opportunity_changes' as contract_table,
    'versions of opportunity' as raw_table,
    versions.row_count as rows_in,
    versions.row_count - version_states.row_count as rows_out_of_scope
from versions
cross join version_states
