{#-
    The normal distribution function in arithmetic that every warehouse has: the rational
    approximation 5666 of Hart et al. (Computer Approximations, 1968), as given by West (Better
    approximations to cumulative normal functions, Wilmott, 2005). Good to 14 decimals, and of a lower
    tail, however far out, to 8 digits. `z` is a column; beyond 37 standard deviations the tail is 0.
-#}
{% macro normal_cdf(z) -%}
    {%- set x = 'abs(' ~ z ~ ')' -%}
    {%- set above = [0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931, 220.206867912376] -%}
    {%- set below = [0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831, 793.826512519948, 440.413735824752] -%}
    {%- set tail -%}
        case
            when {{ x }} > 37 then 0
            when {{ x }} < 7.07106781186547
                then exp(-{{ x }} * {{ x }} / 2) * ({{ polynomial(above, x) }}) / ({{ polynomial(below, x) }})
            else exp(-{{ x }} * {{ x }} / 2) / ({{ x }} + 1 / ({{ x }} + 2 / ({{ x }} + 3 / ({{ x }} + 4 / ({{ x }} + 0.65))))) / 2.506628274631
        end
    {%- endset -%}
    case when {{ z }} > 0 then 1 - {{ tail }} else {{ tail }} end
{%- endmacro %}

{#- A polynomial by Horner's rule, the highest power first. -#}
{% macro polynomial(coefficients, x) -%}
    {{ '(' * (coefficients | length - 1) }}{{ coefficients[0] }}
    {%- for coefficient in coefficients[1:] %} * {{ x }} + {{ coefficient }}){% endfor %}
{%- endmacro %}
