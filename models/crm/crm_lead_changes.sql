with unioned as (
    {%- for crm in crms() %}
    select
        {{ integer_key("'" ~ crm ~ "-' || lead_id") }} as lead_key,
        '{{ crm }}' as crm,
        change_id,
        lead_id,
        changed_at,
        status,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__lead_changes') }}
    where lead_id is not null and {{ is_possible_moment('changed_at', 'loaded_at') }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    lead_key,
    lead_id,
    crm,
    change_id,
    changed_at,
    status,
    loaded_at
from unioned
