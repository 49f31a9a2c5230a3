with unioned as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        user_id,
        team,
        role,
        manager_id,
        is_active,
        start_date,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__users') }}
    where user_id is not null and not is_deleted
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

ranked as (
    select
        *,
        count(*) over (partition by crm, user_id) - 1 as superseded_row_count,
        row_number() over (partition by crm, user_id order by loaded_at desc nulls last, team asc, role asc) as recency
    from unioned
)

select
    user_id,
    crm,
    team,
    role,
    manager_id,
    is_active,
    start_date,
    loaded_at,
    cast(superseded_row_count as integer) as superseded_row_count
from ranked
where recency = 1
