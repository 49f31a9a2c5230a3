{#-
    The days the calendar has. What dates can be and what days there are must not differ: an event on a
    possible date without a day would be lost wherever facts are joined to the calendar.
-#}
{% macro calendar_first_day() -%} cast('{{ var("calendar_first_day") }}' as date) {%- endmacro %}

{#- The day after its last. -#}
{% macro calendar_ends_before() -%}
    {%- set last = modules.datetime.date.fromisoformat(var('calendar_last_day')) -%}
    cast('{{ last + modules.datetime.timedelta(days=1) }}' as date)
{%- endmacro %}

{#- How many there are, for the code that makes them. -#}
{% macro calendar_length() -%}
    {%- set first = modules.datetime.date.fromisoformat(var('calendar_first_day')) -%}
    {%- set last = modules.datetime.date.fromisoformat(var('calendar_last_day')) -%}
    {{ return((last - first).days + 1) }}
{%- endmacro %}
