{#-
    Joins a relation that has crm, record_type and stage_name to the stage map as it stood at
    `moment`. A row for the opportunity's own pipeline (record type) goes before one for all.
-#}
{% macro join_stage_map(relation, moment) -%}
    left join {{ ref('int_stage_map') }} as stages
        on
            {{ relation }}.crm = stages.crm
            and {{ relation }}.stage_name = stages.stage_name
            and stages.pipeline = '*'
            and {{ relation }}.{{ moment }} >= stages.valid_from
            and {{ relation }}.{{ moment }} < stages.valid_to
    left join {{ ref('int_stage_map') }} as pipeline_stages
        on
            {{ relation }}.crm = pipeline_stages.crm
            and {{ relation }}.stage_name = pipeline_stages.stage_name
            and {{ relation }}.record_type = pipeline_stages.pipeline
            and {{ relation }}.{{ moment }} >= pipeline_stages.valid_from
            and {{ relation }}.{{ moment }} < pipeline_stages.valid_to
{%- endmacro %}
