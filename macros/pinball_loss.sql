{#- Koenker and Bassett (1978): what a forecast of the quantile q costs, least on average where it is that quantile. -#}
{% macro pinball_loss(actual, forecast, q) -%}
    case
        when {{ actual }} >= {{ forecast }} then {{ q }} * ({{ actual }} - ({{ forecast }}))
        else {{ (1 - q) | round(6) }} * ({{ forecast }} - {{ actual }})
    end
{%- endmacro %}
