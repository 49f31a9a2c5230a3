{#-
    An end of the 95 percent interval of a share, on the complementary log-log scale, where a share
    keeps between 0 and 1; null where there is nothing to vary. Far below 1e-200 it is 0, because some
    warehouses fail on numbers too small for them.
-#}
{% macro share_bound(share, std_error, bound) -%}
    {%- set exponent = 'exp(' ~ ('' if bound == 'lower' else '-') ~ range_score(0.95) ~ ' * ' ~ std_error ~ ' / (-' ~ share ~ ' * ln(' ~ share ~ ')))' -%}
    case
        when {{ std_error }} > 0 and {{ share }} > 0 and {{ share }} < 1
            then case
                when {{ std_error }} > 3 * -{{ share }} * ln({{ share }}) then {{ '0' if bound == 'lower' else '1' }}
                when {{ exponent }} * -ln({{ share }}) > 460 then 0
                else power({{ share }}, {{ exponent }})
            end
    end
{%- endmacro %}
