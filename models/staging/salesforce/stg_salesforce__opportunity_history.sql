{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'opportunity_history') -%}
{#- Some loaders land the history mode of Opportunity under this name; it is not the sObject. -#}
{%- set columns = columns if raw_column('opportunity_id', columns) is not none else {} -%}

select
    {{ raw_id('id', columns) }} as change_id,
    {{ raw_id('opportunity_id', columns) }} as opportunity_id,
    {{ raw_timestamp('created_date', columns) }} as changed_at,
    {{ raw_text('stage_name', columns) }} as stage_name,
    {{ raw_money('amount', columns) }} as amount_original,
    {{ raw_date('close_date', columns) }} as close_date,
    {{ raw_text('forecast_category', columns) }} as forecast_category,
    cast(null as {{ dbt.type_string() }}) as owner_id,
    {{ raw_id('created_by_id', columns) }} as changed_by,
    'exact' as history_quality,
    'crm_states' as history_source,
    {{ raw_deleted('is_deleted', columns) }} as is_deleted,
    {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
from {{ raw_table('salesforce', 'opportunity_history', columns) }}
