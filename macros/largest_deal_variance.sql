{#- What the largest open deal of a row adds to the variance of the quarter: A^2 (p (1 + v) - p^2). -#}
{% macro largest_deal_variance() -%}
    cast(largest_deal_amount as {{ type_double() }}) * cast(largest_deal_amount as {{ type_double() }})
    * cast(largest_deal_probability * (1 + largest_deal_growth_variance - largest_deal_probability) as {{ type_double() }})
{%- endmacro %}
