{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set columns = raw_columns('hubspot', 'contact_property_history') -%}

with stages as (
    select
        {{ raw_id('contact_id', columns) }} as lead_id,
        {{ raw_timestamp('timestamp', columns) }} as changed_at,
        {{ raw_text('value', columns) }} as status,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_table('hubspot', 'contact_property_history', columns) }}
    where {{ raw_text('name', columns) }} = 'lifecyclestage'
)

-- A row that was landed twice is here once.
select
    cast(changed_at as {{ dbt.type_string() }}) || '-' || coalesce(status, '') as change_id,
    lead_id,
    changed_at,
    status,
    max(loaded_at) as loaded_at
from stages
group by lead_id, changed_at, status
