{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'opportunity_field_history') -%}
{%- set opportunity_columns = raw_columns('salesforce', 'opportunity') -%}
{#- Some loaders have landed it without values: then it tells nothing. -#}
{%- set columns = columns if raw_column('new_value', columns) is not none else {} -%}

with recorded as (
    select
        {{ raw_id('id', columns) }} as change_id,
        {{ raw_id('opportunity_id', columns) }} as opportunity_id,
        {{ raw_timestamp('created_date', columns) }} as changed_at,
        {{ raw_text('field', columns) }} as field,
        {{ raw_text('old_value', columns) }} as old_value,
        {{ raw_text('new_value', columns) }} as new_value,
        {{ raw_id('created_by_id', columns) }} as changed_by,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_table('salesforce', 'opportunity_field_history', columns) }}
    where
        {{ raw_text('field', columns) }} in ('{{ salesforce_history_fields() | join("', '") }}')
        and not coalesce({{ raw_boolean('is_deleted', columns) }}, false)
),

changes as (
    select *
    from recorded
    where not exists (
        select 1
        from {{ ref('stg_salesforce__opportunity_history') }} as states
        where states.opportunity_id = recorded.opportunity_id and states.changed_at is not null and not states.is_deleted
    )
),

-- That an opportunity was created is known from itself.
created as (
    select
        {{ raw_id('id', opportunity_columns) }} as opportunity_id,
        min({{ raw_timestamp('created_date', opportunity_columns) }}) as changed_at,
        max({{ raw_timestamp('_fivetran_synced', opportunity_columns) }}) as loaded_at
    from {{ raw_table('salesforce', 'opportunity', opportunity_columns) }}
    where {{ raw_timestamp('created_date', opportunity_columns) }} is not null
    group by 1
)

select
    change_id,
    opportunity_id,
    changed_at,
    field,
    old_value,
    new_value,
    changed_by,
    loaded_at
from changes

union all

select
    cast(null as {{ dbt.type_string() }}) as change_id,
    opportunity_id,
    changed_at,
    cast(null as {{ dbt.type_string() }}) as field,
    cast(null as {{ dbt.type_string() }}) as old_value,
    cast(null as {{ dbt.type_string() }}) as new_value,
    cast(null as {{ dbt.type_string() }}) as changed_by,
    loaded_at
from created
where exists (
    select 1
    from changes
    where changes.opportunity_id = created.opportunity_id
)
