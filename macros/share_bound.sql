{#-
    An end of the 95 percent interval of a share, on the complementary log-log scale, where a share
    keeps between 0 and 1; null where there is nothing to vary.
-#}
{% macro share_bound(share, std_error, bound) -%}
    case
        when {{ std_error }} > 0 and {{ share }} > 0 and {{ share }} < 1
            then power({{ share }}, exp({{ '' if bound == 'lower' else '-' }}1.959964 * {{ std_error }} / (-{{ share }} * ln({{ share }}))))
    end
{%- endmacro %}
