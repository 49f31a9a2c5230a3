{{ config(enabled='flat_file' in var('crm_sources')) }}
{%- set columns = raw_columns('flat_file', 'accounts') -%}

select
    {{ raw_text('account_id', columns) }} as account_id,
    {{ raw_text('name', columns) }} as name,
    {{ number_to_integer(raw_number('employees', columns)) }} as employees,
    {{ raw_text('country', columns) }} as country,
    {{ raw_text('industry', columns) }} as industry,
    cast(null as {{ dbt.type_string() }}) as owner_id,
    cast(null as {{ dbt.type_string() }}) as merged_into_account_id,
    false as is_deleted,
    {{ raw_timestamp('_loaded_at', columns) }} as last_modified_at,
    {{ raw_timestamp('_loaded_at', columns) }} as loaded_at
from {{ raw_table('flat_file', 'accounts', columns) }}
