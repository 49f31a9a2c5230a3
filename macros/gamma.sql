{#-
    A gamma distribution of a given mean and relative variance v (the square of its coefficient of
    variation) by Wilson and Hilferty's approximation (PNAS 17, 1931): the cube root is normal with mean
    1 - v / 9 and variance v / 9. Arithmetic that every warehouse has; good where v is below 1.
-#}
{% macro gamma_score(x, mean, relative_variance) -%}
    case
        when ({{ x }}) <= 0 then -40
        when {{ relative_variance }} > 0
            then (power(({{ x }}) / {{ mean }}, 1.0 / 3) - 1 + {{ relative_variance }} / 9) * 3 / sqrt({{ relative_variance }})
        when ({{ x }}) >= {{ mean }} then 40
        else -40
    end
{%- endmacro %}

{% macro gamma_quantile(score, mean, relative_variance) -%}
    {{ mean }} * power(greatest(1 - {{ relative_variance }} / 9 + {{ score }} * sqrt({{ relative_variance }}) / 3, 0), 3)
{%- endmacro %}
