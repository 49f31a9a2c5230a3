{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set columns = raw_columns('hubspot', 'contact') -%}
{%- set deal_columns = raw_columns('hubspot', 'deal_contact') -%}

with contacts as (
    select
        {{ raw_id('id', columns) }} as lead_id,
        {{ raw_text('property_lifecyclestage', columns) }} as status,
        {{ raw_text('property_' ~ hubspot_lead_source(columns), columns) }} as lead_source_raw,
        {{ raw_text('property_rating', columns) }} as rating,
        {{ raw_number('property_hubspotscore', columns) }} as score,
        {{ raw_text('property_score_model', columns) }} as score_model,
        {{ raw_number('property_demographic_score', columns) }} as demographic_score,
        {{ raw_number('property_behavioral_score', columns) }} as behavioural_score,
        {{ raw_number('property_intent_score', columns) }} as intent_score,
        {{ personal_hash(raw_text('property_email', columns)) }} as email_hash,
        {{ raw_text('property_company', columns) }} as company,
        {{ raw_text('property_country', columns) }} as country,
        {{ raw_id('property_hubspot_owner_id', columns) }} as owner_id,
        {{ raw_timestamp('property_hs_lifecyclestage_opportunity_date', columns) }} as became_opportunity_at,
        {{ raw_timestamp('property_first_deal_created_date', columns) }} as first_deal_created_at,
        {{ raw_id('property_associatedcompanyid', columns) }} as account_id,
        {{ raw_timestamp('property_createdate', columns) }} as created_at,
        coalesce({{ raw_boolean('_fivetran_deleted', columns) }}, {{ raw_boolean('is_deleted', columns) }}, false) as is_deleted,
        {{ raw_text('property_self_reported_source', columns) }} as self_reported_source,
        {{ raw_boolean('property_bant_budget', columns) }} as bant_budget,
        {{ raw_boolean('property_bant_authority', columns) }} as bant_authority,
        {{ raw_boolean('property_bant_need', columns) }} as bant_need,
        {{ raw_boolean('property_bant_timeline', columns) }} as bant_timeline,
        {{ raw_text('property_rejection_reason', columns) }} as rejection_reason,
        coalesce(
            {{ raw_timestamp('property_lastmodifieddate', columns) }},
            {{ raw_timestamp('_fivetran_synced', columns) }}
        ) as last_modified_at,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_table('hubspot', 'contact', columns) }}
),

-- The first deal of a contact is the opportunity it became.
deals as (
    select
        {{ raw_id('contact_id', deal_columns) }} as contact_id,
        cast(cast(min({{ raw_id_number('deal_id', deal_columns) }}) as bigint) as {{ dbt.type_string() }}) as opportunity_id
    from {{ raw_table('hubspot', 'deal_contact', deal_columns) }}
    group by 1
)

select
    contacts.lead_id,
    contacts.status,
    contacts.lead_source_raw,
    contacts.rating,
    contacts.score,
    contacts.score_model,
    contacts.demographic_score,
    contacts.behavioural_score,
    contacts.intent_score,
    contacts.email_hash,
    contacts.company,
    contacts.country,
    contacts.owner_id,
    deals.opportunity_id is not null as is_converted,
    case
        when deals.opportunity_id is not null then coalesce(contacts.became_opportunity_at, contacts.first_deal_created_at)
    end as converted_at,
    deals.opportunity_id,
    contacts.account_id,
    contacts.created_at,
    contacts.is_deleted,
    contacts.self_reported_source,
    contacts.bant_budget,
    contacts.bant_authority,
    contacts.bant_need,
    contacts.bant_timeline,
    contacts.rejection_reason,
    contacts.last_modified_at,
    contacts.loaded_at
from contacts
left join deals on contacts.lead_id = deals.contact_id
