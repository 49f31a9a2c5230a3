{#-
    The chance that a standard normal value exceeds z: Abramowitz and Stegun 26.2.17, exact to 8e-8.
-#}
{% macro normal_tail(z) -%}
    case
        when {{ z }} >= 0 then {{ _normal_tail_of_positive(z) }}
        when {{ z }} < 0 then 1 - {{ _normal_tail_of_positive('(-' ~ z ~ ')') }}
    end
{%- endmacro %}

{% macro _normal_tail_of_positive(z) -%}
    exp(-{{ z }} * {{ z }} / 2) * (
        0.127414796 * (1 / (1 + 0.2316419 * {{ z }}))
        - 0.142248368 * power(1 / (1 + 0.2316419 * {{ z }}), 2)
        + 0.710706871 * power(1 / (1 + 0.2316419 * {{ z }}), 3)
        - 0.726576013 * power(1 / (1 + 0.2316419 * {{ z }}), 4)
        + 0.530702714 * power(1 / (1 + 0.2316419 * {{ z }}), 5)
    )
{%- endmacro %}
