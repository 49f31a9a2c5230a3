{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'account') -%}

select
    {{ raw_id('id', columns) }} as account_id,
    -- A person account bears the name of a person.
    case when not coalesce({{ raw_boolean('is_person_account', columns) }}, false) then {{ raw_text('name', columns) }} end as name,
    {{ number_to_integer(raw_number('number_of_employees', columns)) }} as employees,
    {{ raw_text('billing_country', columns) }} as country,
    {{ raw_text('industry', columns) }} as industry,
    {{ raw_id('owner_id', columns) }} as owner_id,
    {{ raw_id('master_record_id', columns) }} as merged_into_account_id,
    coalesce({{ raw_boolean('is_deleted', columns) }}, false) as is_deleted,
    coalesce({{ raw_timestamp('last_modified_date', columns) }}, {{ raw_timestamp('_fivetran_synced', columns) }}) as last_modified_at,
    {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
from {{ raw_table('salesforce', 'account', columns) }}
