{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'lead_history') -%}

select
    {{ raw_id('id', columns) }} as change_id,
    {{ raw_id('lead_id', columns) }} as lead_id,
    {{ raw_timestamp('created_date', columns) }} as changed_at,
    {{ raw_text('new_value', columns) }} as status,
    {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
from {{ raw_latest('salesforce', 'lead_history', columns) }}
where {{ raw_text('field', columns) }} = 'Status'
