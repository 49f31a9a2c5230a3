{{ config(enabled='flat_file' in var('crm_sources')) }}
{%- set columns = raw_columns('flat_file', 'touches') -%}

select
    {{ raw_text('touch_id', columns) }} as touch_id,
    {{ raw_text('lead_id', columns) }} as lead_id,
    {{ raw_text('opportunity_id', columns) }} as opportunity_id,
    {{ raw_text('owner_id', columns) }} as owner_id,
    lower({{ raw_text('kind', columns) }}) as kind,
    {{ raw_text('outcome', columns) }} as outcome,
    {{ raw_timestamp('occurred_at', columns) }} as occurred_at,
    false as is_deleted,
    {{ raw_timestamp('_loaded_at', columns) }} as loaded_at
from {{ raw_table('flat_file', 'touches', columns) }}
