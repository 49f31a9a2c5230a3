{#- An expression over the columns of one row holds in every row; unknown counts as false. -#}
{% test is_true(model, expression, column_name=none, where_rows='true') %}
select *
from {{ model }}
where ({{ where_rows }}) and not coalesce(({{ expression }}), false)
{% endtest %}
