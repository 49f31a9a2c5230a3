{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'opportunity') -%}
{#- Only history mode keeps versions. -#}
{%- set columns = columns if raw_is_versioned(columns) else {} -%}

with versions as (
    select
        {{ raw_id('id', columns) }} as opportunity_id,
        {{ raw_timestamp('_fivetran_start', columns) }} as changed_at,
        {{ raw_text('stage_name', columns) }} as stage_name,
        {{ raw_money('amount', columns) }} as amount_original,
        {{ raw_date('close_date', columns) }} as close_date,
        {{ raw_text('forecast_category_name', columns) }} as forecast_category,
        {{ raw_id('owner_id', columns) }} as owner_id,
        coalesce({{ raw_boolean('is_deleted', columns) }}, false) as is_deleted,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_table('salesforce', 'opportunity', columns, all_versions=true) }}
    -- a row without id is one of opportunities, and waits in quarantine there
    where {{ raw_id('id', columns) }} is not null
)

select
    opportunity_id || '-' || cast(changed_at as {{ dbt.type_string() }}) as change_id,
    opportunity_id,
    changed_at,
    stage_name,
    amount_original,
    close_date,
    forecast_category,
    owner_id,
    cast(null as {{ dbt.type_string() }}) as changed_by,
    {{ quality_of_seen('opportunity_id', 'changed_at') }} as history_quality,
    'loader_versions' as history_source,
    is_deleted,
    loaded_at
from versions
where
    not exists (
        select 1
        from {{ ref('stg_salesforce__opportunity_history') }} as states
        where states.opportunity_id = versions.opportunity_id and states.changed_at is not null and not states.is_deleted
    )
    and not exists (
        select 1
        from {{ ref('stg_salesforce__opportunity_field_changes') }} as fields
        where fields.opportunity_id = versions.opportunity_id
    )
