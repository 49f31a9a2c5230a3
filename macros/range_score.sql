{#-
    How many standard deviations a range of a normal distribution reaches to either side of its middle: the
    one from p10 to p90, which holds 80 %, and the one of published bounds, 95 %.
-#}
{% macro range_score(share) -%} {{ return({'0.8': 1.2815515655446, '0.95': 1.959964}[share | string]) }} {%- endmacro %}
