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

-- Only the few ids that came more than once are sorted; the latest of each is published.
duplicated as (
    select
        opportunity_key,
        count(*) - 1 as superseded_row_count
    from unioned
    group by opportunity_key
    having count(*) > 1
),

ranked as (
    select
        unioned.*,
        duplicated.superseded_row_count,
        row_number() over (
            partition by unioned.opportunity_key
            order by
                unioned.last_modified_at desc, unioned.loaded_at desc,
                unioned.stage_name asc, unioned.amount_original asc, unioned.close_date asc
        ) as recency
    from unioned
    inner join duplicated on unioned.opportunity_key = duplicated.opportunity_key
),

deduplicated as (
    select
        unioned.*,
        0 as superseded_row_count,
        1 as recency
    from unioned
    left join duplicated on unioned.opportunity_key = duplicated.opportunity_key
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
    cast(superseded_row_count as integer) as superseded_row_count
from examined
