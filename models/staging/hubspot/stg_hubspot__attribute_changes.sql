{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set lead_source = hubspot_lead_source(raw_columns('hubspot', 'deal')) -%}

with deal_properties as (
    {{ hubspot_property_changes('deal_property_history', 'deal_id', ['hubspot_owner_id', 'dealtype', lead_source]) }}
),

company_properties as (
    {{ hubspot_property_changes('company_property_history', 'company_id', ['numberofemployees', 'country']) }}
)

select
    name || '-' || cast(changed_at as {{ dbt.type_string() }}) as change_id,
    'opportunity' as entity,
    entity_id,
    changed_at,
    case name
        when 'hubspot_owner_id' then 'owner_id'
        when 'dealtype' then 'deal_type'
        when '{{ lead_source }}' then 'lead_source'
    end as attribute,
    old_value,
    new_value,
    loaded_at
from deal_properties
where is_change

union all

select
    name || '-' || cast(changed_at as {{ dbt.type_string() }}) as change_id,
    'account' as entity,
    entity_id,
    changed_at,
    case name when 'numberofemployees' then 'employees' when 'country' then 'country' end as attribute,
    old_value,
    new_value,
    loaded_at
from company_properties
where is_change
