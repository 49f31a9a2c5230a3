{{ config(enabled='flat_file' in var('crm_sources')) }}
{%- set columns = raw_columns('flat_file', 'opportunity_changes') -%}

select
    -- Files give changes no id: a tie in time is broken by the state itself.
    cast({{ raw_timestamp('changed_at', columns) }} as {{ dbt.type_string() }})
    || '-' || coalesce({{ raw_text('stage_name', columns) }}, '') as change_id,
    {{ raw_text('opportunity_id', columns) }} as opportunity_id,
    {{ raw_timestamp('changed_at', columns) }} as changed_at,
    {{ raw_text('stage_name', columns) }} as stage_name,
    {{ raw_money('amount', columns) }} as amount_original,
    {{ raw_date('close_date', columns) }} as close_date,
    {{ raw_text('forecast_category', columns) }} as forecast_category,
    {{ raw_text('owner_id', columns) }} as owner_id,
    cast(null as {{ dbt.type_string() }}) as changed_by,
    'exact' as history_quality,
    'crm_states' as history_source,
    false as is_deleted,
    {{ raw_timestamp('_loaded_at', columns) }} as loaded_at
from {{ raw_table('flat_file', 'opportunity_changes', columns) }}
