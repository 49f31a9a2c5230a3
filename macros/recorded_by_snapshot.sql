{#-
    The states that the snapshot has recorded of opportunities whose CRM tells no change of them, for
    crm_opportunity_changes. A build as of an earlier day reads what the daily runs have recorded.
-#}
{% macro recorded_by_snapshot() -%}
    {%- set states = ref('opportunity_states') if not var('as_of_date')
        else api.Relation.create(database=target.database, schema=var('schema_prefix') ~ 'snapshots', identifier='opportunity_states') -%}
        select
            states.crm,
            'snapshot-' || states.dbt_scd_id as change_id,
            states.opportunity_id,
            states.dbt_valid_from as changed_at,
            states.stage_name,
            states.amount_original,
            states.close_date,
            cast(null as {{ dbt.type_string() }}) as forecast_category,
            states.owner_id,
            cast(null as {{ dbt.type_string() }}) as changed_by,
            {{ quality_of_seen('states.opportunity_id', 'states.dbt_valid_from', 'states.crm, ') }} as history_quality,
            'dbt_snapshot' as history_source,
            states.loaded_at
        from {{ states }} as states
        {%- for crm in var('snapshot_crms') %}
        left join (
            select distinct opportunity_id
            from {{ ref('stg_' ~ crm ~ '__opportunity_changes') }}
            where changed_at is not null and not is_deleted
        ) as told_by_{{ crm }}
            on states.crm = '{{ crm }}' and states.opportunity_id = told_by_{{ crm }}.opportunity_id
        {%- endfor %}
        where
            {%- for crm in var('snapshot_crms') %}
            told_by_{{ crm }}.opportunity_id is null{{ ' and' if not loop.last }}
            {%- endfor %}
{%- endmacro %}

{#- Whether a state that was seen by comparing is the first one, of which nobody knows since when it holds. -#}
{% macro quality_of_seen(opportunity_id, seen_at, crm='') -%}
    case
        when {{ seen_at }} = min({{ seen_at }}) over (partition by {{ crm }}{{ opportunity_id }}) then 'first_seen'
        else 'snapshot_only'
    end
{%- endmacro %}
