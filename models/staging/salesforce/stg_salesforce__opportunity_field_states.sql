{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'opportunity_field_history') -%}
{%- set opportunity_columns = raw_columns('salesforce', 'opportunity') -%}
{%- set fields = salesforce_state_fields() -%}
{#- The one sort of the history: everything that depends on order is computed in it. -#}
{%- set history = 'partition by opportunity_id order by changed_at, change_id' -%}
{%- set so_far = history ~ ' rows between unbounded preceding and current row' -%}
{%- set in_all = history ~ ' rows between unbounded preceding and unbounded following' -%}

with numbered as (
    select
        *,
        cast(10000000 + row_number() over ({{ history }}) as {{ dbt.type_string() }}) as number
    from {{ ref('stg_salesforce__opportunity_field_changes') }}
),

-- With its number before it, the greatest value so far is the last one and the least of all the first;
-- '' is an empty value.
carried as (
    select
        opportunity_id,
        changed_at,
        {% for field, alias in fields.items() -%}
        max(case when field = '{{ field }}' then number || coalesce(new_value, '') end)
            over ({{ so_far }}) as last_{{ alias }},
        min(case when field = '{{ field }}' then number || coalesce(old_value, '') end)
            over ({{ in_all }}) as first_{{ alias }},
        {% endfor -%}
        max(case when field in ('{{ salesforce_creation_marks() | join("', '") }}') then 1 else 0 end)
            over ({{ in_all }}) as has_creation_mark,
        changed_by,
        loaded_at
    from numbered
),

-- What was changed in one second is one state: the one after the last of the changes.
moments as (
    select
        opportunity_id,
        changed_at,
        {% for alias in fields.values() -%}
        max(last_{{ alias }}) as last_{{ alias }},
        max(first_{{ alias }}) as first_{{ alias }},
        {% endfor -%}
        max(has_creation_mark) as has_creation_mark,
        max(changed_by) as changed_by,
        max(loaded_at) as loaded_at
    from carried
    group by opportunity_id, changed_at
),

-- A field without any change has always been as it is now, if it is tracked.
opportunities as (
    select
        {{ raw_id('id', opportunity_columns) }} as opportunity_id,
        max({{ raw_text('stage_name', opportunity_columns) }}) as stage_name,
        max({{ raw_money('amount', opportunity_columns) }}) as amount,
        max({{ raw_date('close_date', opportunity_columns) }}) as close_date,
        max({{ raw_text('forecast_category_name', opportunity_columns) }}) as forecast_category
    from {{ raw_latest('salesforce', 'opportunity', opportunity_columns) }}
    group by 1
),

tracked as (
    select
        {% for field, alias in fields.items() -%}
        max(case when {{ raw_text('field', columns) }} = '{{ field }}' then 1 else 0 end) as {{ alias }},
        {% endfor -%}
        count(*) as row_count
    from {{ raw_table('salesforce', 'opportunity_field_history', columns) }}
)

select
    moments.opportunity_id || '-' || cast(moments.changed_at as {{ dbt.type_string() }}) as change_id,
    moments.opportunity_id,
    moments.changed_at,
    {% for alias in fields.values() -%}
    {%- set recorded = 'nullif(substr(coalesce(moments.last_' ~ alias ~ ', moments.first_' ~ alias ~ "), 9), '')" -%}
    case
        when moments.first_{{ alias }} is null then opportunities.{{ alias }}
        else {{ {'amount': text_to_money(recorded), 'close_date': 'cast(' ~ text_to_timestamp(recorded) ~ ' as date)'}.get(alias, recorded) }}
    end as {{ 'amount_original' if alias == 'amount' else alias }},
    {% endfor -%}
    cast(null as {{ dbt.type_string() }}) as owner_id,
    moments.changed_by,
    case
        when
            -- before the first change of all, unless the history goes back to the creation
            (
                moments.has_creation_mark = 0
                {%- for alias in fields.values() %}
                and moments.last_{{ alias }} is null
                {%- endfor %}
            )
            {%- for alias in ['stage_name', 'amount', 'close_date'] %}
            or (moments.first_{{ alias }} is null and tracked.{{ alias }} = 0 and opportunities.{{ alias }} is not null)
            {%- endfor %}
            then 'reconstructed'
        else 'exact'
    end as history_quality,
    'crm_fields' as history_source,
    false as is_deleted,
    moments.loaded_at
from moments
cross join tracked
left join opportunities on moments.opportunity_id = opportunities.opportunity_id
