{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set deal_columns = raw_columns('hubspot', 'deal') -%}
{%- set merge_columns = raw_columns('hubspot', 'merged_deal') -%}
{%- set properties = hubspot_state_properties() -%}

with events as (
    {{ hubspot_deal_events(properties) }}
),

-- What was changed at one moment is one change; each property holds from there to its next.
moments as (
    select
        opportunity_id,
        changed_at,
        {% for name, alias in properties.items() -%}
        max(case when name = '{{ name }}' then value end) as {{ alias }},
        max(case when name = '{{ name }}' then 1 else 0 end) as has_{{ alias }},
        {% endfor -%}
        min(is_exact) as is_exact,
        max(loaded_at) as loaded_at
    from events
    group by opportunity_id, changed_at
),

numbered as (
    select
        *,
        cast(10000000 + row_number() over (partition by opportunity_id order by changed_at) as {{ dbt.type_string() }}) as number
    from moments
),

-- With its number before it, the greatest value so far is the last one; '' is a value taken back.
carried as (
    select
        opportunity_id,
        changed_at,
        {% for alias in properties.values() -%}
        max(case when has_{{ alias }} = 1 then number || coalesce({{ alias }}, '') end)
            over (partition by opportunity_id order by changed_at rows unbounded preceding) as last_{{ alias }},
        {% endfor -%}
        {#- A deal has a stage and a pipeline from its first moment on. #}
        {% for alias in ['stage_id', 'pipeline_id'] -%}
        min(case when has_{{ alias }} = 1 then number || coalesce({{ alias }}, '') end)
            over (partition by opportunity_id order by changed_at rows between unbounded preceding and unbounded following) as first_{{ alias }},
        {% endfor -%}
        max(has_amount)
            over (partition by opportunity_id order by changed_at rows between unbounded preceding and unbounded following) as knows_amount,
        max(has_close_date)
            over (partition by opportunity_id order by changed_at rows between unbounded preceding and unbounded following) as knows_close_date,
        is_exact,
        loaded_at
    from numbered
),

states as (
    select
        opportunity_id,
        changed_at,
        nullif(substr(coalesce(last_stage_id, first_stage_id), 9), '') as stage_id,
        nullif(substr(coalesce(last_pipeline_id, first_pipeline_id), 9), '') as pipeline_id,
        nullif(substr(last_amount, 9), '') as amount,
        nullif(substr(last_close_date, 9), '') as close_date,
        nullif(substr(last_forecast_category, 9), '') as forecast_category,
        knows_amount,
        knows_close_date,
        is_exact,
        loaded_at
    from carried
),

-- What no history tells is taken to have been always as it is now.
deals as (
    select
        {{ raw_id('deal_id', deal_columns) }} as opportunity_id,
        max({{ raw_id('deal_pipeline_id', deal_columns) }}) as pipeline_id,
        max({{ raw_money('property_amount', deal_columns) }}) as amount,
        max({{ hubspot_day(raw_timestamp('property_closedate', deal_columns)) }}) as close_date
    from {{ raw_latest('hubspot', 'deal', deal_columns, 'deal_id', ['property_hs_lastmodifieddate']) }}
    group by 1
),

merged as (
    select distinct {{ raw_id('merged_deal_id', merge_columns) }} as opportunity_id
    from {{ raw_table('hubspot', 'merged_deal', merge_columns) }}
),

stages as (
    {{ hubspot_stages() }}
),

labels as (
    {{ hubspot_labels('stages') }}
)

select
    states.opportunity_id || '-' || cast(states.changed_at as {{ dbt.type_string() }}) as change_id,
    states.opportunity_id,
    states.changed_at,
    coalesce(stages.label, labels.label, states.stage_id) as stage_name,
    case when states.knows_amount = 1 then {{ text_to_money('states.amount') }} else deals.amount end as amount_original,
    case
        when states.knows_close_date = 1 then {{ hubspot_day(text_or_millis_to_timestamp('states.close_date')) }}
        else deals.close_date
    end as close_date,
    states.forecast_category,
    cast(null as {{ dbt.type_string() }}) as owner_id,
    -- HubSpot names the user, who is not the owner that crm_users knows
    cast(null as {{ dbt.type_string() }}) as changed_by,
    case
        when
            states.is_exact = 0
            or (states.knows_amount = 0 and deals.amount is not null)
            or (states.knows_close_date = 0 and deals.close_date is not null)
            then 'reconstructed'
        else 'exact'
    end as history_quality,
    'crm_fields' as history_source,
    -- the history of a deal that was merged into another, and is gone
    deals.opportunity_id is null and merged.opportunity_id is not null as is_deleted,
    states.loaded_at
from states
left join deals on states.opportunity_id = deals.opportunity_id
left join merged on states.opportunity_id = merged.opportunity_id
left join stages
    on
        coalesce(states.pipeline_id, deals.pipeline_id) = stages.pipeline_id
        and {{ hubspot_stage_key('states.stage_id') }} = stages.stage_key
left join labels on {{ hubspot_stage_key('states.stage_id') }} = labels.stage_key
