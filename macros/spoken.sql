{#- Figures as they are said in a sentence. -#}
{% macro spoken_percent(share) -%}
    cast(cast(round(100 * {{ share }}) as integer) as {{ type_string() }}) || ' %'
{%- endmacro %}

{% macro spoken_multiple(ratio) -%}
    cast(cast({{ ratio }} as decimal(9, 2)) as {{ type_string() }})
{%- endmacro %}
