{{ config(enabled='salesforce' in var('crm_sources')) }}
{#- Of each opportunity the first of these that has it speaks, alone. -#}
{%- set histories = ['opportunity_history', 'opportunity_field_states', 'opportunity_versions'] -%}
{%- for history in histories %}
select
    change_id,
    opportunity_id,
    changed_at,
    stage_name,
    amount_original,
    close_date,
    forecast_category,
    owner_id,
    changed_by,
    history_quality,
    history_source,
    is_deleted,
    loaded_at
from {{ ref('stg_salesforce__' ~ history) }}
{% if not loop.last %}union all{% endif %}
{%- endfor %}
