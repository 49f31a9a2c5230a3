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

landed as (
    select
        unioned.*,
        {{ fingerprint('unioned', also=[free_text('company')]) }} as fingerprint
    from unioned
),

changed as (
    select * from {{ only_changed('landed', 'lead_key') }}
),

-- Only the few ids that came more than once are sorted; the latest of each is published.
duplicated as (
    select
        lead_key,
        count(*) - 1 as superseded_row_count,
        sum(fingerprint) as fingerprint_sum
    from changed
    group by lead_key
    having count(*) > 1
),

ranked as (
    select
        changed.*,
        duplicated.superseded_row_count,
        duplicated.fingerprint_sum,
        row_number() over (
            partition by changed.lead_key
            order by changed.last_modified_at desc, changed.loaded_at desc, changed.status asc, changed.owner_id asc, changed.fingerprint asc
        ) as recency
    from changed
    inner join duplicated on changed.lead_key = duplicated.lead_key
),

deduplicated as (
    select
        changed.*,
        0 as superseded_row_count,
        changed.fingerprint as fingerprint_sum,
        1 as recency
    from changed
    left join duplicated on changed.lead_key = duplicated.lead_key
    where duplicated.lead_key is null
    union all
    select * from ranked
    where recency = 1
)

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
