{#-
    Which part of the real pipeline something is, for what a quarter will start with: by how many
    quarters after that quarter it is dated to (`close_offset`, negative for before).
-#}
{% macro coverage_part(close_offset) -%}
    case
        when {{ close_offset }} <= -2 then 'two_before'
        when {{ close_offset }} = -1 then 'one_before'
        when {{ close_offset }} = 0 then 'same'
        else 'later'
    end
{%- endmacro %}
