{{ config(materialized='incremental', incremental_strategy='by_fingerprint', unique_key='lead_key', on_schema_change='append_new_columns') }}
with unioned as (
    {%- for crm in crms() %}
    select
        {{ integer_key("'" ~ crm ~ "-' || lead_id") }} as lead_key,
        lead_id,
        '{{ crm }}' as crm,
        status,
        lead_source_raw,
        rating,
        score,
        score_model,
        demographic_score,
        behavioural_score,
        intent_score,
        email_hash,
        company,
        country,
        owner_id,
        is_converted,
        converted_at,
        opportunity_id,
        account_id,
        created_at,
        is_deleted,
        self_reported_source,
        bant_budget,
        bant_authority,
        bant_need,
        bant_timeline,
        rejection_reason,
        last_modified_at,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__leads') }}
    where lead_id is not null and {{ is_possible_moment('created_at', 'loaded_at') }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

{{ latest_of_changed(
    'unioned', 'lead_key', ['last_modified_at desc nulls last', 'loaded_at desc nulls last', 'status asc', 'owner_id asc'],
    also=[free_text('company')]
) }}

select
    lead_key,
    lead_id,
    crm,
    status,
    lead_source_raw,
    rating,
    score,
    score_model,
    demographic_score,
    behavioural_score,
    intent_score,
    email_hash,
    {{ free_text('company') }} as company,
    country,
    owner_id,
    is_converted,
    -- Some CRMs tell the day only, but none before the lead was there.
    case when cast(converted_at as date) < cast(created_at as date) then created_at else converted_at end as converted_at,
    opportunity_id,
    account_id,
    created_at,
    is_deleted,
    {{ free_text('self_reported_source') }} as self_reported_source,
    bant_budget,
    bant_authority,
    bant_need,
    bant_timeline,
    {{ free_text('rejection_reason') }} as rejection_reason,
    last_modified_at,
    loaded_at,
    cast(superseded_row_count as integer) as superseded_row_count,
    cast(fingerprint_sum as bigint) as fingerprint
from deduplicated
