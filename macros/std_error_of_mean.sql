{#- The standard error of a mean from a count, a sum and a sum of squares; null for fewer than two. -#}
{% macro std_error_of_mean(count, total, squares) -%}
    case
        when {{ count }} > 1
            then sqrt(greatest({{ squares }} - {{ total }} * {{ total }} / {{ count }}, 0) / ({{ count }} - 1) / {{ count }})
    end
{%- endmacro %}
