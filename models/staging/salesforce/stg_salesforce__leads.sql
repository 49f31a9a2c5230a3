{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'lead') -%}

select
    {{ raw_id('id', columns) }} as lead_id,
    {{ raw_text('status', columns) }} as status,
    {{ raw_text('lead_source', columns) }} as lead_source_raw,
    {{ raw_text('rating', columns) }} as rating,
    {{ raw_number('lead_score_c', columns) }} as score,
    {{ raw_text('score_model_c', columns) }} as score_model,
    {{ raw_number('demographic_score_c', columns) }} as demographic_score,
    {{ raw_number('behavioral_score_c', columns) }} as behavioural_score,
    {{ raw_number('intent_score_c', columns) }} as intent_score,
    {{ personal_hash(raw_text('email', columns)) }} as email_hash,
    {{ raw_text('company', columns) }} as company,
    {{ raw_text('country', columns) }} as country,
    {{ raw_id('owner_id', columns) }} as owner_id,
    coalesce({{ raw_boolean('is_converted', columns) }}, false) as is_converted,
    {{ raw_timestamp('converted_date', columns) }} as converted_at,
    {{ raw_id('converted_opportunity_id', columns) }} as opportunity_id,
    {{ raw_id('converted_account_id', columns) }} as account_id,
    {{ raw_timestamp('created_date', columns) }} as created_at,
    {{ raw_deleted('is_deleted', columns) }} as is_deleted,
    {{ raw_text('self_reported_source_c', columns) }} as self_reported_source,
    {{ raw_boolean('bant_budget_c', columns) }} as bant_budget,
    {{ raw_boolean('bant_authority_c', columns) }} as bant_authority,
    {{ raw_boolean('bant_need_c', columns) }} as bant_need,
    {{ raw_boolean('bant_timeline_c', columns) }} as bant_timeline,
    {{ raw_text('rejection_reason_c', columns) }} as rejection_reason,
    coalesce(
        {{ raw_deleted_at(columns) }},
        {{ raw_timestamp('last_modified_date', columns) }},
        {{ raw_timestamp('system_modstamp', columns) }},
        {{ raw_timestamp('_fivetran_synced', columns) }}
    ) as last_modified_at,
    {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
from {{ raw_table('salesforce', 'lead', columns) }}
