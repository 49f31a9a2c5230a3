{{ config(materialized='incremental', incremental_strategy='by_fingerprint', unique_key='opportunity_key', on_schema_change='append_new_columns') }}
with unioned as (
    {%- for crm in crms() %}
    select
        {{ integer_key("'" ~ crm ~ "-' || opportunity_id") }} as opportunity_key,
        opportunity_id,
        '{{ crm }}' as crm,
        account_id,
        owner_id,
        lead_id,
        name,
        deal_type_raw,
        lead_source_raw,
        record_type,
        stage_name,
        amount_original,
        currency,
        corporate_rate,
        close_date,
        is_closed,
        is_won,
        is_deleted,
        case when {{ is_possible_moment('deleted_at', 'loaded_at') }} then deleted_at end as told_deleted_at,
        self_reported_source,
        created_at,
        coalesce(case when {{ is_possible_moment('last_modified_at', 'loaded_at') }} then last_modified_at end, created_at)
            as last_modified_at,
        {{ is_impossible_moment('last_modified_at', 'loaded_at') }} as is_last_modified_impossible,
        loaded_at,
        is_amount_unreadable,
        is_close_date_unreadable
    from {{ ref('stg_' ~ crm ~ '__opportunities') }}
    where opportunity_id is not null and {{ is_possible_moment('created_at', 'loaded_at') }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

{{ latest_of_changed(
    'unioned', 'opportunity_key',
    ['last_modified_at desc nulls last', 'loaded_at desc nulls last', 'stage_name asc', 'amount_original asc', 'close_date asc'],
    also=[
        free_text('name'), in_corporate_currency('amount_original', 'usable_rate'), var('absurd_amount'),
        is_impossible_date('close_date'), is_possible_date('close_date'), is_far_close_date('close_date', 'created_at')
    ]
) }},

-- Each fault is found once, here; the next step repairs it and the last one names it.
examined as (
    select
        *,
        amount_original < 0 as is_amount_negative,
        cast(amount_original as {{ type_double() }}) * abs(coalesce(corporate_rate, 1)) >= {{ var('absurd_amount') }} as is_amount_absurd,
        {{ is_impossible_date('close_date') }} as is_close_date_impossible,
        {{ is_possible_date('close_date') }} and {{ is_far_close_date('close_date', 'created_at') }} as is_close_date_far,
        coalesce(corporate_rate, 0) <= 0 as is_rate_missing,
        case when corporate_rate > 0 then corporate_rate end as usable_rate,
        close_date < cast(created_at as date) as is_close_before_creation
    from deduplicated
)

select
    opportunity_key,
    opportunity_id,
    crm,
    account_id,
    owner_id,
    lead_id,
    {{ free_text('name') }} as name,
    deal_type_raw,
    lead_source_raw,
    record_type,
    stage_name,
    case
        when not (is_amount_negative or is_amount_absurd)
            then {{ in_corporate_currency('amount_original', 'usable_rate') }}
    end as amount,
    amount_original,
    currency,
    usable_rate as corporate_rate,
    case when not (is_close_date_impossible or is_close_date_far) then close_date end as close_date,
    is_closed,
    is_won,
    is_deleted,
    -- A record may have been in the bin for long before anything tells so, but not before its last change.
    case when is_deleted then greatest(last_modified_at, coalesce(told_deleted_at, last_modified_at)) end as deleted_at,
    {{ free_text('self_reported_source') }} as self_reported_source,
    created_at,
    last_modified_at,
    loaded_at,
    nullif(
        case when is_amount_unreadable then 'amount_unreadable,' else '' end
        || case when is_amount_negative then 'amount_negative,' else '' end
        || case when is_amount_absurd then 'amount_absurd,' else '' end
        || case when is_rate_missing then 'currency_without_rate,' else '' end
        || case when is_close_date_unreadable then 'close_date_unreadable,' else '' end
        || case when is_close_date_impossible then 'close_date_impossible,' else '' end
        || case when is_close_date_far then 'close_date_far_future,' else '' end
        || case when is_last_modified_impossible then 'last_modified_impossible,' else '' end
        || case when is_close_before_creation and not is_close_date_impossible then 'close_before_creation,' else '' end,
        ''
    ) as repairs,
    cast(superseded_row_count as integer) as superseded_row_count,
    cast(fingerprint_sum as bigint) as fingerprint
from examined
