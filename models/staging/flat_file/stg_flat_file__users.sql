{{ config(enabled='flat_file' in var('crm_sources')) }}
{%- set columns = raw_columns('flat_file', 'users') -%}

select
    {{ raw_text('user_id', columns) }} as user_id,
    {{ raw_text('team', columns) }} as team,
    {{ raw_text('role', columns) }} as role,
    {{ raw_text('manager_id', columns) }} as manager_id,
    coalesce({{ raw_boolean('is_active', columns) }}, true) as is_active,
    {{ raw_date('start_date', columns) }} as start_date,
    false as is_deleted,
    {{ raw_timestamp('_loaded_at', columns) }} as loaded_at
from {{ raw_table('flat_file', 'users', columns) }}
