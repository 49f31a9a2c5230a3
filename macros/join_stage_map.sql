{#-
    Joins a relation that has crm, record_type and stage_name to the stage map as it stood at
    `moment`. A row for the opportunity's own pipeline (record type) goes before one for all.
    mapped_stage() then gives the canonical stage, null where nobody has mapped it. A relation
    joined twice, at two moments, tells the two by `name`.
-#}
{% macro join_stage_map(relation, moment, name='stages') -%}
    left join {{ ref('int_stage_map') }} as {{ name }}
        on
            {{ relation }}.crm = {{ name }}.crm
            and {{ relation }}.stage_name = {{ name }}.stage_name
            and {{ name }}.pipeline = '*'
            and {{ moment }} >= {{ name }}.valid_from
            and {{ moment }} < {{ name }}.valid_to
    left join {{ ref('int_stage_map') }} as pipeline_{{ name }}
        on
            {{ relation }}.crm = pipeline_{{ name }}.crm
            and {{ relation }}.stage_name = pipeline_{{ name }}.stage_name
            and {{ relation }}.record_type = pipeline_{{ name }}.pipeline
            and {{ moment }} >= pipeline_{{ name }}.valid_from
            and {{ moment }} < pipeline_{{ name }}.valid_to
{%- endmacro %}

{% macro mapped_stage(name='stages') -%}
    coalesce(pipeline_{{ name }}.stage_number, {{ name }}.stage_number)
{%- endmacro %}
