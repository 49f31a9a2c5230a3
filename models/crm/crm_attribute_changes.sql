with unioned as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        change_id,
        entity,
        entity_id,
        changed_at,
        attribute,
        old_value,
        new_value,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__attribute_changes') }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    entity,
    entity_id,
    crm,
    change_id,
    changed_at,
    attribute,
    old_value,
    new_value,
    loaded_at
from unioned
where entity_id is not null and {{ is_possible_moment('changed_at', 'loaded_at') }}
