{#-
    How likely at least so many of `deals` deals are won, each with the same `chance`: the score that
    normal_cdf turns into that probability. Camp and Paulson's approximation (The approximation to the
    binomial distribution, 1951; Johnson, Kemp and Kotz, Univariate Discrete Distributions, 3.6.1), by
    Wilson and Hilferty's cube root. Within 0.01 of the exact tail from one deal on, and defined for a
    number of deals that is not whole. Needs 1 <= wins <= deals and 0 < chance < 1.
-#}
{% macro binomial_tail_score(wins, deals, chance) -%}
    {%- set a = '(1.0 / (9 * (' ~ deals ~ ' - ' ~ wins ~ ' + 1)))' -%}
    {%- set b = '(1.0 / (9 * ' ~ wins ~ '))' -%}
    {%- set r = 'power(' ~ wins ~ ' * (1 - ' ~ chance ~ ') / (' ~ chance ~ ' * (' ~ deals ~ ' - ' ~ wins ~ ' + 1)), 1.0 / 3)' -%}
    ((1 - {{ a }}) - (1 - {{ b }}) * {{ r }}) / sqrt({{ b }} * {{ r }} * {{ r }} + {{ a }})
{%- endmacro %}
