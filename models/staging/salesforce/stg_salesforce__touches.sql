{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set task_columns = raw_columns('salesforce', 'task') -%}
{%- set event_columns = raw_columns('salesforce', 'event') -%}

with tasks as (
    select
        {{ raw_id('id', task_columns) }} as touch_id,
        {{ raw_id('who_id', task_columns) }} as who_id,
        {{ raw_id('what_id', task_columns) }} as what_id,
        {{ raw_id('owner_id', task_columns) }} as owner_id,
        lower(coalesce({{ raw_text('type', task_columns) }}, 'task')) as kind,
        {{ raw_text('status', task_columns) }} as outcome,
        -- activity_date is when it was due, not when it happened
        coalesce(
            {{ raw_timestamp('completed_date_time', task_columns) }},
            {{ raw_timestamp('created_date', task_columns) }}
        ) as occurred_at,
        {{ raw_deleted('is_deleted', task_columns) }} as is_deleted,
        {{ raw_timestamp('_fivetran_synced', task_columns) }} as loaded_at
    from {{ raw_latest('salesforce', 'task', task_columns) }}
),

events as (
    select
        {{ raw_id('id', event_columns) }} as touch_id,
        {{ raw_id('who_id', event_columns) }} as who_id,
        {{ raw_id('what_id', event_columns) }} as what_id,
        {{ raw_id('owner_id', event_columns) }} as owner_id,
        'meeting' as kind,
        {{ raw_text('meeting_outcome_c', event_columns) }} as outcome,
        coalesce(
            {{ raw_timestamp('start_date_time', event_columns) }},
            {{ raw_timestamp('activity_date_time', event_columns) }},
            {{ raw_timestamp('created_date', event_columns) }}
        ) as occurred_at,
        {{ raw_deleted('is_deleted', event_columns) }} as is_deleted,
        {{ raw_timestamp('_fivetran_synced', event_columns) }} as loaded_at
    from {{ raw_latest('salesforce', 'event', event_columns) }}
),

unioned as (
    select * from tasks
    union all
    select * from events
)

-- Salesforce ids tell their object by their first three characters.
select
    touch_id,
    case when who_id like '00Q%' then who_id end as lead_id,
    case when what_id like '006%' then what_id end as opportunity_id,
    owner_id,
    kind,
    outcome,
    occurred_at,
    is_deleted,
    loaded_at
from unioned
