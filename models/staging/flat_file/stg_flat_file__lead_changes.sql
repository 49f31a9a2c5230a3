{{ config(enabled='flat_file' in var('crm_sources')) }}
{%- set columns = raw_columns('flat_file', 'lead_changes') -%}

select
    cast({{ raw_timestamp('changed_at', columns) }} as {{ dbt.type_string() }})
    || '-' || coalesce({{ raw_text('status', columns) }}, '') as change_id,
    {{ raw_text('lead_id', columns) }} as lead_id,
    {{ raw_timestamp('changed_at', columns) }} as changed_at,
    {{ raw_text('status', columns) }} as status,
    {{ raw_timestamp('_loaded_at', columns) }} as loaded_at
from {{ raw_table('flat_file', 'lead_changes', columns) }}
