{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'opportunity_field_history') -%}
{%- set account_columns = raw_columns('salesforce', 'account_history') -%}
{#- The history mode of Account is landed under the same name; it is not the sObject. -#}
{%- set account_columns = account_columns if raw_column('field', account_columns) is not none else {} -%}

with opportunity_fields as (
    select
        {{ raw_id('id', columns) }} as change_id,
        {{ raw_id('opportunity_id', columns) }} as entity_id,
        {{ raw_timestamp('created_date', columns) }} as changed_at,
        {{ raw_text('field', columns) }} as field,
        {{ raw_text('data_type', columns) }} as data_type,
        {{ raw_text('old_value', columns) }} as old_value,
        {{ raw_text('new_value', columns) }} as new_value,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_latest('salesforce', 'opportunity_field_history', columns) }}
),

account_fields as (
    select
        {{ raw_id('id', account_columns) }} as change_id,
        {{ raw_id('account_id', account_columns) }} as entity_id,
        {{ raw_timestamp('created_date', account_columns) }} as changed_at,
        {{ raw_text('field', account_columns) }} as field,
        {{ raw_text('old_value', account_columns) }} as old_value,
        {{ raw_text('new_value', account_columns) }} as new_value,
        {{ raw_timestamp('_fivetran_synced', account_columns) }} as loaded_at
    from {{ raw_latest('salesforce', 'account_history', account_columns) }}
)

select
    change_id,
    'opportunity' as entity,
    entity_id,
    changed_at,
    case field
        when 'Owner' then 'owner_id'
        when 'LeadSource' then 'lead_source'
        when 'Type' then 'deal_type'
    end as attribute,
    old_value,
    new_value,
    loaded_at
from opportunity_fields
-- A change of owner is written twice, once with names and once with ids.
where field in ('LeadSource', 'Type') or (field = 'Owner' and data_type = 'EntityId')

union all

select
    change_id,
    'account' as entity,
    entity_id,
    changed_at,
    case field when 'NumberOfEmployees' then 'employees' when 'BillingCountry' then 'country' end as attribute,
    old_value,
    new_value,
    loaded_at
from account_fields
where field in ('NumberOfEmployees', 'BillingCountry')
