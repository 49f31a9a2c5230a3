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
        self_reported_source,
        created_at,
        coalesce(last_modified_at, created_at) as last_modified_at,
        loaded_at,
        is_amount_unreadable,
        is_close_date_unreadable
    from {{ ref('stg_' ~ crm ~ '__opportunities') }}
    where opportunity_id is not null and created_at is not null
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

landed as (
    select
        unioned.*,
        {{ fingerprint('unioned', also=[free_text('name'), in_corporate_currency('amount_original', 'corporate_rate'), var('absurd_amount')]) }} as fingerprint
    from unioned
),

changed as (
    select * from {{ only_changed('landed', 'opportunity_key') }}
),

-- Only the few ids that came more than once are sorted; the latest of each is published.
duplicated as (
    select
        opportunity_key,
        count(*) - 1 as superseded_row_count,
        sum(fingerprint) as fingerprint_sum
    from changed
    group by opportunity_key
    having count(*) > 1
),

ranked as (
    select
        changed.*,
        duplicated.superseded_row_count,
        duplicated.fingerprint_sum,
        row_number() over (
            partition by changed.opportunity_key
            order by
                changed.last_modified_at desc, changed.loaded_at desc,
                changed.stage_name asc, changed.amount_original asc, changed.close_date asc, changed.fingerprint asc
        ) as recency
    from changed
    inner join duplicated on changed.opportunity_key = duplicated.opportunity_key
),

deduplicated as (
    select
        changed.*,
        0 as superseded_row_count,
        changed.fingerprint as fingerprint_sum,
        1 as recency
    from changed
    left join duplicated on changed.opportunity_key = duplicated.opportunity_key
    where duplicated.opportunity_key is null
    union all
    select * from ranked
    where recency = 1
),

-- Each fault is found once, here; the next step repairs it and the last one names it.
examined as (
    select
        *,
        amount_original < 0 as is_amount_negative,
        cast(amount_original as {{ type_double() }}) * coalesce(corporate_rate, 1) >= {{ var('absurd_amount') }} as is_amount_absurd,
        close_date < cast('1990-01-01' as date) or close_date >= cast('2100-01-01' as date) as is_close_date_impossible,
        corporate_rate is null as is_rate_missing,
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
            then {{ in_corporate_currency('amount_original', 'corporate_rate') }}
    end as amount,
    amount_original,
    currency,
    corporate_rate,
    case when not is_close_date_impossible then close_date end as close_date,
    is_closed,
    is_won,
    is_deleted,
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
        || case when is_close_before_creation and not is_close_date_impossible then 'close_before_creation,' else '' end,
        ''
    ) as repairs,
    cast(superseded_row_count as integer) as superseded_row_count,
    cast(fingerprint_sum as bigint) as fingerprint
from examined
