{#-
    Divide a whole number among parts so that they are whole and sum to it (Hamilton's method): every part
    is rounded down, and what is left over goes, one each, to the largest remainders; `ties` orders equal ones.
    `exact` is the part as it would be, `whole` what all parts of a partition must sum to.
-#}
{% macro largest_remainder(exact, whole, partition, ties) -%}
    floor({{ exact }})
    + case
        when
            row_number() over (
                partition by {{ partition }}
                order by round(cast({{ exact }} - floor({{ exact }}) as decimal(18, 9)), 6) desc, {{ ties }}
            ) <= {{ whole }} - sum(floor({{ exact }})) over (partition by {{ partition }})
            then 1
        else 0
    end
{%- endmacro %}
