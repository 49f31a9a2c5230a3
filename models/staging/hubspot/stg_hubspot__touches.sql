{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set contact_columns = raw_columns('hubspot', 'engagement_contact') -%}
{%- set deal_columns = raw_columns('hubspot', 'engagement_deal') -%}
{#- When each kind happened, the best first: of a task hs_timestamp is when it was due. -#}
{%- set moments = {
    'call': ['property_hs_timestamp', 'property_hs_createdate'],
    'email': ['property_hs_timestamp', 'property_hs_createdate'],
    'task': ['property_hs_task_completion_date', 'property_hs_createdate'],
    'meeting': ['property_hs_meeting_start_time', 'start_time', 'property_hs_timestamp', 'property_hs_createdate'],
} -%}

with engagements as (
    {%- for kind, names in moments.items() %}
    {%- set columns = raw_columns('hubspot', 'engagement_' ~ kind) %}
    select
        {{ raw_id('engagement_id', columns) }} as touch_id,
        coalesce({{ raw_id('property_hubspot_owner_id', columns) }}, {{ raw_id('owner_id', columns) }}) as owner_id,
        '{{ kind }}' as kind,
        coalesce(
            {{ raw_text('property_hs_' ~ ('meeting_outcome' if kind == 'meeting' else kind ~ '_status'), columns) }},
            {{ raw_text('meeting_outcome', columns) }}
        ) as outcome,
        coalesce(
            {%- for name in names %}
            {{ raw_timestamp(name, columns) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as occurred_at,
        coalesce({{ raw_boolean('_fivetran_deleted', columns) }}, false)
        {#- What a customer wrote is no attempt of ours, and a task to be done is none yet. #}
        {%- if kind == 'email' %}
        or coalesce({{ raw_text('property_hs_email_direction', columns) }} = 'INCOMING_EMAIL', false)
        {%- elif kind == 'task' %}
        or coalesce({{ raw_text('property_hs_task_status', columns) }} <> 'COMPLETED', false)
        {%- endif %} as is_deleted,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_latest('hubspot', 'engagement_' ~ kind, columns, 'engagement_id', ['property_hs_lastmodifieddate']) }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

-- Of several contacts or deals the first.
contacts as (
    select
        {{ raw_id('engagement_id', contact_columns) }} as engagement_id,
        cast(cast(min({{ raw_id_number('contact_id', contact_columns) }}) as bigint) as {{ dbt.type_string() }}) as lead_id
    from {{ raw_table('hubspot', 'engagement_contact', contact_columns) }}
    group by 1
),

deals as (
    select
        {{ raw_id('engagement_id', deal_columns) }} as engagement_id,
        cast(cast(min({{ raw_id_number('deal_id', deal_columns) }}) as bigint) as {{ dbt.type_string() }}) as opportunity_id
    from {{ raw_table('hubspot', 'engagement_deal', deal_columns) }}
    group by 1
)

select
    engagements.touch_id,
    contacts.lead_id,
    deals.opportunity_id,
    engagements.owner_id,
    engagements.kind,
    engagements.outcome,
    engagements.occurred_at,
    engagements.is_deleted,
    engagements.loaded_at
from engagements
left join contacts on engagements.touch_id = contacts.engagement_id
left join deals on engagements.touch_id = deals.engagement_id
