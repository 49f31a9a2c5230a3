{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set columns = raw_columns('hubspot', 'contact_property_history') -%}

select
    cast({{ raw_timestamp('timestamp', columns) }} as {{ dbt.type_string() }})
    || '-' || coalesce({{ raw_text('value', columns) }}, '') as change_id,
    {{ raw_id('contact_id', columns) }} as lead_id,
    {{ raw_timestamp('timestamp', columns) }} as changed_at,
    {{ raw_text('value', columns) }} as status,
    {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
from {{ raw_table('hubspot', 'contact_property_history', columns) }}
where {{ raw_text('name', columns) }} = 'lifecyclestage'
