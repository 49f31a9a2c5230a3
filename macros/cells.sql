{#-
    The planning cell as columns. Marts carry these five, in this order, whatever plan_dimensions
    says: a dimension that is not planned by holds 'all', further ones share custom_dimension.
-#}
{% macro cell_columns() -%}
    {{ return(['segment', 'deal_type', 'territory', 'pipeline_source', 'custom_dimension']) }}
{%- endmacro %}

{% macro cell(relation='') -%}
    {%- for column in cell_columns() -%}
        {{ relation ~ '.' if relation }}{{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The cell as one number, for relations too long to carry its five words. See int_cells. -#}
{% macro cell_key(segment, deal_type, territory, pipeline_source, custom_dimension) -%}
    {{ integer_key([segment, deal_type, territory, pipeline_source, custom_dimension] | join(" || '|' || ")) }}
{%- endmacro %}

{#- Joins two relations on the cell. -#}
{% macro same_cell(left, right) -%}
    {%- for column in cell_columns() -%}
        {{ left }}.{{ column }} = {{ right }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#-
    The cell as it is seen at a level, for a relation that is cross joined to the seed
    cell_levels, so that one aggregate serves every level. A dimension above the level is '*'
    inside the project (it joins and groups like any value) and null in a mart (published_cell).

        select levels.cell_level, {{ cell_at_level('facts') }}, sum(facts.amount) as amount
        from facts cross join {{ ref('cell_levels') }} as levels
        group by 1, 2, 3, 4, 5, 6
-#}
{% macro cell_at_level(relation, levels='levels', prefix='') -%}
    {%- for column in cell_columns() -%}
        case when {{ levels }}.by_{{ column }} = 1 then {{ relation }}.{{ column }} else '*' end as {{ prefix ~ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro published_cell(relation='') -%}
    {%- for column in cell_columns() -%}
        nullif({{ relation ~ '.' if relation }}{{ column }}, '*') as {{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
