{#-
    The quantile of Student's t distribution with `degrees` of freedom, a column, at the standard normal
    score z: the first terms of the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5). Within 1 %
    from four degrees on for |z| up to 1.7.
-#}
{% macro t_quantile(z, degrees) -%}
    {{ z }} + {{ ((z ** 3 + z) / 4) | round(9) }} / {{ degrees }} + {{ ((5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96) | round(9) }} / power({{ degrees }}, 2)
{%- endmacro %}
