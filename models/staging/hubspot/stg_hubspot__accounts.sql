{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set columns = raw_columns('hubspot', 'company') -%}

with companies as (
    select
        {{ raw_id('id', columns) }} as account_id,
        {{ raw_text('property_name', columns) }} as name,
        {{ number_to_integer(raw_number('property_numberofemployees', columns)) }} as employees,
        {{ raw_text('property_country', columns) }} as country,
        {{ raw_text('property_industry', columns) }} as industry,
        {{ raw_id('property_hubspot_owner_id', columns) }} as owner_id,
        {{ raw_text('property_hs_merged_object_ids', columns) }} as absorbed_ids,
        coalesce({{ raw_boolean('is_deleted', columns) }}, {{ raw_boolean('_fivetran_deleted', columns) }}, false) as is_deleted,
        coalesce(
            {{ raw_timestamp('property_hs_lastmodifieddate', columns) }},
            {{ raw_timestamp('_fivetran_synced', columns) }}
        ) as last_modified_at,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_table('hubspot', 'company', columns) }}
),

-- A company lists those that were merged into it.
absorbed as (
    select
        account_id,
        {{ split_to_rows('absorbed_ids', ';') }} as absorbed_id
    from companies
    where absorbed_ids is not null
),

survivors as (
    select
        absorbed_id,
        max(account_id) as account_id
    from absorbed
    group by absorbed_id
)

select
    companies.account_id,
    companies.name,
    companies.employees,
    companies.country,
    companies.industry,
    companies.owner_id,
    survivors.account_id as merged_into_account_id,
    companies.is_deleted,
    companies.last_modified_at,
    companies.loaded_at
from companies
left join survivors on companies.account_id = survivors.absorbed_id
