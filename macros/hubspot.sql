{#- What several HubSpot staging models need: labels of stages, and histories of properties. -#}

{#-
    The stages of every pipeline, one row each, deleted ones included: their labels are still those
    of the history. A stage id may stand in several pipelines, so the key is both. `stage_key` is the
    id as it is spelled in names of columns.
-#}
{% macro hubspot_stages() -%}
{%- set stage_columns = raw_columns('hubspot', 'deal_pipeline_stage') -%}
{%- set pipeline_columns = raw_columns('hubspot', 'deal_pipeline') -%}
    select
        stages.pipeline_id,
        stages.stage_key,
        max(stages.label) as label,
        max(pipelines.label) as pipeline_label,
        max(case when stages.is_closed then 1 else 0 end) = 1 as is_closed,
        max(case when stages.is_closed and stages.probability = 1 then 1 else 0 end) = 1 as is_won
    from (
        select
            {{ raw_id('pipeline_id', stage_columns) }} as pipeline_id,
            {{ hubspot_stage_key(raw_id('stage_id', stage_columns)) }} as stage_key,
            {{ raw_text('label', stage_columns) }} as label,
            -- closed_won has always meant closed, whatever its name says
            coalesce({{ raw_boolean('is_closed', stage_columns) }}, {{ raw_boolean('closed_won', stage_columns) }}) as is_closed,
            {{ raw_number('probability', stage_columns) }} as probability
        from {{ raw_table('hubspot', 'deal_pipeline_stage', stage_columns) }}
    ) as stages
    left join (
        select
            {{ raw_id('pipeline_id', pipeline_columns) }} as pipeline_id,
            {{ raw_text('label', pipeline_columns) }} as label
        from {{ raw_table('hubspot', 'deal_pipeline', pipeline_columns) }}
    ) as pipelines
        on stages.pipeline_id = pipelines.pipeline_id
    group by stages.pipeline_id, stages.stage_key
{%- endmacro %}

{#- A stage id as the names of the properties date_entered_... spell it. -#}
{% macro hubspot_stage_key(stage_id) -%} replace(lower({{ stage_id }}), '-', '_') {%- endmacro %}

{#-
    Labels of stages whose id means the same in every pipeline, for deals of a pipeline that is gone.
-#}
{% macro hubspot_labels(stages) -%}
    select
        stage_key,
        min(label) as label
    from {{ stages }}
    group by stage_key
    having min(label) = max(label)
{%- endmacro %}

{#- The properties whose history is that of an opportunity's state, by their names in the contract. -#}
{% macro hubspot_state_properties() -%}
    {{ return({
        'dealstage': 'stage_id', 'pipeline': 'pipeline_id', 'amount': 'amount',
        'closedate': 'close_date', 'hs_manual_forecast_category': 'forecast_category',
    }) }}
{%- endmacro %}

{#-
    What properties of deals were set to, and when. Three places tell when a deal entered a stage: the
    history of the property, the table deal_stage, and properties of the deal, which know the last
    entry of each stage only. The first of them that has the deal speaks for it.
-#}
{% macro hubspot_deal_events(properties) -%}
{%- set columns = raw_columns('hubspot', 'deal_property_history') -%}
{%- set entry_columns = raw_columns('hubspot', 'deal_stage') -%}
    select
        opportunity_id,
        -- at a moment that cannot be nothing was set: the row goes to quarantine
        case when {{ is_possible_moment('changed_at', 'loaded_at') }} then name end as name,
        value,
        changed_at,
        case when place = 3 then 0 else 1 end as is_exact,
        loaded_at
    from (
        select
            *,
            min(case when name = 'dealstage' then place end) over (partition by opportunity_id) as best_place
        from (
            select
                {{ raw_id('deal_id', columns) }} as opportunity_id,
                {{ raw_text('name', columns) }} as name,
                {{ raw_text('value', columns) }} as value,
                {{ raw_timestamp('timestamp', columns) }} as changed_at,
                1 as place,
                {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
            from {{ raw_table('hubspot', 'deal_property_history', columns) }}
            where {{ raw_text('name', columns) }} in ('{{ properties | join("', '") }}')
            union all
            select
                {{ raw_id('deal_id', entry_columns) }} as opportunity_id,
                'dealstage' as name,
                {{ raw_text('value', entry_columns) }} as value,
                coalesce({{ raw_timestamp('date_entered', entry_columns) }}, {{ raw_timestamp('_fivetran_start', entry_columns) }}) as changed_at,
                {#- dlt only has the last entry, made of the properties of the deal #}
                {{ 3 if var('hubspot_loader') == 'dlt' else 2 }} as place,
                {{ raw_timestamp('_fivetran_synced', entry_columns) }} as loaded_at
            from {{ raw_table('hubspot', 'deal_stage', entry_columns) }}
            {{ hubspot_entry_dates(raw_columns('hubspot', 'deal'), place=3) }}
        ) as told
    ) as placed
    where name <> 'dealstage' or place = best_place
{%- endmacro %}

{#-
    When deals last entered each stage, from the properties of the deal: for each stage the newer
    spelling hs_v2_date_entered_<stage>, else hs_date_entered_<stage>. Further parts of the union in
    hubspot_deal_events; none where deals have no such property.
-#}
{% macro hubspot_entry_dates(columns, place) -%}
{%- for name in hubspot_entry_date_properties(columns) %}
{%- set stage = modules.re.sub('^property_hs_(v2_)?date_entered_', '', name) -%}
{#- After an id of five groups HubSpot adds a number of its own. #}
    union all
    select
        {{ raw_id('deal_id', columns) }} as opportunity_id,
        'dealstage' as name,
        '{{ modules.re.sub('^([0-9a-f]{8}(_[0-9a-f]{4}){3}_[0-9a-f]{12})_[0-9]+$', '\\1', stage) }}' as value,
        {{ raw_timestamp(name, columns) }} as changed_at,
        {{ place }} as place,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_table('hubspot', 'deal', columns) }}
    where {{ raw_timestamp(name, columns) }} is not null
{%- endfor %}
{%- endmacro %}

{% macro hubspot_entry_date_properties(columns) -%}
{%- set newer = 'property_hs_v2_date_entered_' -%}
{%- set older = 'property_hs_date_entered_' -%}
{%- set names = [] -%}
{%- for name in columns | sort
    if name.startswith(newer) or (name.startswith(older) and name | replace(older, newer) not in columns) -%}
{%- do names.append(name) -%}
{%- endfor -%}
{{ return(names) }}
{%- endmacro %}

{#-
    What some properties of an object were changed from and to. The history has a row for each value
    a property was given, the one at creation included: that is no change, and `is_change` is false.
    A property first filled in more than a day after the object's history began was empty until then.
    A row that was landed twice is here once.
-#}
{% macro hubspot_property_changes(table_name, key, properties) -%}
{%- set columns = raw_columns('hubspot', table_name) -%}
    select
        entity_id,
        name,
        changed_at,
        value as new_value,
        lag(value) over (partition by entity_id, name order by changed_at) as old_value,
        coalesce(
            -- what cannot be told apart is for quarantine
            entity_id is null
            or changed_at is null
            or lag(changed_at) over (partition by entity_id, name order by changed_at) is not null
            or changed_at > {{ dbt.dateadd('day', 1, 'first_changed_at') }},
            true
        ) as is_change,
        loaded_at
    from (
        select
            entity_id,
            name,
            changed_at,
            max(value) as value,
            max(loaded_at) as loaded_at,
            min(changed_at) over (partition by entity_id) as first_changed_at
        from (
            select
                {{ raw_id(key, columns) }} as entity_id,
                {{ raw_text('name', columns) }} as name,
                {{ raw_timestamp('timestamp', columns) }} as changed_at,
                {{ raw_text('value', columns) }} as value,
                {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
            from {{ raw_table('hubspot', table_name, columns) }}
        ) as landed
        where name in ('{{ properties | join("', '") }}')
        group by entity_id, name, changed_at
    ) as distinct_rows
{%- endmacro %}

{#- The property that holds the lead source: the first of var hubspot_lead_source_properties that is there. -#}
{% macro hubspot_lead_source(columns) -%}
    {%- for property in var('hubspot_lead_source_properties') if 'property_' ~ property in columns -%}
        {%- if loop.first -%} {{ return(property) }} {%- endif -%}
    {%- endfor -%}
    {{ return(var('hubspot_lead_source_properties')[0]) }}
{%- endmacro %}

{#- A close date: HubSpot keeps a moment, and the day it is on depends on the account's time zone. -#}
{% macro hubspot_day(moment) -%}
    {%- if var('hubspot_time_zone') == 'UTC' -%} cast({{ moment }} as date)
    {%- else -%} cast({{ in_time_zone(moment, var('hubspot_time_zone')) }} as date)
    {%- endif -%}
{%- endmacro %}
