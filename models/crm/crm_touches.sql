with unioned as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        touch_id,
        lead_id,
        opportunity_id,
        owner_id,
        kind,
        outcome,
        occurred_at,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__touches') }}
    where touch_id is not null and {{ is_possible_moment('occurred_at', 'loaded_at', days_ahead('touches')) }} and not is_deleted
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    touch_id,
    crm,
    lead_id,
    opportunity_id,
    owner_id,
    kind,
    outcome,
    occurred_at,
    loaded_at
from unioned
