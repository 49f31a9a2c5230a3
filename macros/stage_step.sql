{#- What a stage number is called where the funnel is planned or shown; stages between by number. -#}
{% macro stage_step(stage_number) -%}
    case {{ stage_number }}
        when -1 then 'lead'
        when 0 then 'meeting accepted'
        when {{ var('qualifying_stage') }} then 'qualified'
        when 1 then 'meeting completed'
        when {{ var('won_stage') }} then 'won'
        else 'stage ' || cast({{ stage_number }} as {{ dbt.type_string() }})
    end
{%- endmacro %}
