{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set contact_columns = raw_columns('hubspot', 'contact_property_history') -%}

-- What the histories say of one property at one moment: once, again and again, or two things.
with told as (
    select
        'opportunity_changes' as contract_table,
        opportunity_id as row_id,
        name,
        changed_at,
        count(*) as row_count,
        count(distinct coalesce(value, '')) as value_count,
        max(loaded_at) as loaded_at
    from (
        {{ hubspot_deal_events(hubspot_state_properties()) }}
    ) as events
    where name is not null
    group by opportunity_id, name, changed_at
    having count(*) > 1
    union all
    select
        'lead_changes' as contract_table,
        contact_id as row_id,
        status as name,
        changed_at,
        count(*) as row_count,
        1 as value_count,
        max(loaded_at) as loaded_at
    from (
        select
            {{ raw_id('contact_id', contact_columns) }} as contact_id,
            {{ raw_timestamp('timestamp', contact_columns) }} as changed_at,
            {{ raw_text('value', contact_columns) }} as status,
            {{ raw_timestamp('_fivetran_synced', contact_columns) }} as loaded_at
        from {{ raw_table('hubspot', 'contact_property_history', contact_columns) }}
        where {{ raw_text('name', contact_columns) }} = 'lifecyclestage'
    ) as lifecycle_stages
    group by contact_id, status, changed_at
    having count(*) > 1
    {#- Copies that raw_latest leaves out. #}
    {%- for kind in ['call', 'email', 'task', 'meeting'] %}
    {%- set columns = raw_columns('hubspot', 'engagement_' ~ kind) %}
    {%- if raw_may_have_copies('hubspot', columns, 'engagement_id') %}
    union all
    select
        'touches' as contract_table,
        {{ raw_id('engagement_id', columns) }} as row_id,
        '{{ kind }}' as name,
        cast(null as {{ dbt.type_timestamp() }}) as changed_at,
        count(*) as row_count,
        1 as value_count,
        max({{ raw_timestamp('_fivetran_synced', columns) }}) as loaded_at
    from {{ raw_table('hubspot', 'engagement_' ~ kind, columns) }}
    where {{ raw_id('engagement_id', columns) }} is not null
    group by {{ raw_id('engagement_id', columns) }}
    having count(*) > 1
    {%- endif %}
    {%- endfor %}
)

select
    contract_table,
    row_id,
    'copy' as reason,
    row_count - value_count as row_count,
    loaded_at
from told
where row_count > value_count
union all
-- Of two values at one moment the greater is taken.
select
    contract_table,
    row_id,
    'tie' as reason,
    value_count - 1 as row_count,
    loaded_at
from told
where value_count > 1
