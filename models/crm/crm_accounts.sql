with unioned as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        account_id,
        name,
        employees,
        country,
        industry,
        owner_id,
        merged_into_account_id,
        is_deleted,
        last_modified_at,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__accounts') }}
    where account_id is not null
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

ranked as (
    select
        *,
        count(*) over (partition by crm, account_id) - 1 as superseded_row_count,
        row_number() over (
            partition by crm, account_id
            order by last_modified_at desc nulls last, loaded_at desc nulls last, name asc, employees asc, country asc
        ) as recency
    from unioned
)

select
    account_id,
    crm,
    {{ free_text('name') }} as name,
    case when employees >= 0 then employees end as employees,
    country,
    industry,
    owner_id,
    merged_into_account_id,
    is_deleted,
    loaded_at,
    cast(superseded_row_count as integer) as superseded_row_count
from ranked
where recency = 1
