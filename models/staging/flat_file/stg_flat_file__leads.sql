{{ config(enabled='flat_file' in var('crm_sources')) }}
{%- set columns = raw_columns('flat_file', 'leads') -%}

select
    {{ raw_text('lead_id', columns) }} as lead_id,
    {{ raw_text('status', columns) }} as status,
    {{ raw_text('lead_source', columns) }} as lead_source_raw,
    {{ raw_text('rating', columns) }} as rating,
    {{ raw_number('score', columns) }} as score,
    {{ raw_text('score_model', columns) }} as score_model,
    {{ raw_number('demographic_score', columns) }} as demographic_score,
    {{ raw_number('behavioural_score', columns) }} as behavioural_score,
    {{ raw_number('intent_score', columns) }} as intent_score,
    {{ personal_hash(raw_text('email', columns)) }} as email_hash,
    {{ raw_text('company', columns) }} as company,
    {{ raw_text('country', columns) }} as country,
    {{ raw_text('owner_id', columns) }} as owner_id,
    ({{ raw_timestamp('converted_at', columns) }} is not null) as is_converted,
    {{ raw_timestamp('converted_at', columns) }} as converted_at,
    {{ raw_text('opportunity_id', columns) }} as opportunity_id,
    {{ raw_text('account_id', columns) }} as account_id,
    {{ raw_timestamp('created_at', columns) }} as created_at,
    coalesce({{ raw_boolean('is_deleted', columns) }}, false) as is_deleted,
    {{ raw_text('self_reported_source', columns) }} as self_reported_source,
    {{ raw_boolean('bant_budget', columns) }} as bant_budget,
    {{ raw_boolean('bant_authority', columns) }} as bant_authority,
    {{ raw_boolean('bant_need', columns) }} as bant_need,
    {{ raw_boolean('bant_timeline', columns) }} as bant_timeline,
    {{ raw_text('rejection_reason', columns) }} as rejection_reason,
    {{ raw_timestamp('_loaded_at', columns) }} as last_modified_at,
    {{ raw_timestamp('_loaded_at', columns) }} as loaded_at
from {{ raw_table('flat_file', 'leads', columns) }}
