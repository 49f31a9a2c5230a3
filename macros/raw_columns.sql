{#-
    Reading raw CRM tables. A loader may leave out a column, or a whole table, that holds no
    value yet, and may land numbers and dates as text. These macros turn what is there into
    typed columns and what is absent into typed nulls, so that staging models list their
    columns plainly and nothing above them needs to know.

        {%- set columns = raw_columns('salesforce', 'opportunity') %}
        select {{ raw_text('stage_name', columns) }} as stage_name
        from {{ raw_table('salesforce', 'opportunity', columns) }}
-#}

{#- The columns of a raw table, {lower-case name: data type}; empty where there is no table. -#}
{% macro raw_columns(source_name, table_name) %}
    {%- set found = {} -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- if execute and load_relation(relation) is not none -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do found.update({column.name | lower: column}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{#- The raw table, or an empty row set where the CRM or its loader has none. -#}
{% macro raw_table(source_name, table_name, columns) -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- if columns -%} {{ relation }} {%- else -%} (select 1 as absent where false) as absent_{{ table_name }} {%- endif -%}
{%- endmacro %}

{#- A text column; empty strings, and the null id some exports write, become null. -#}
{% macro raw_text(name, columns) -%}
    {%- if name in columns -%}
        nullif(nullif(trim(cast({{ adapter.quote(columns[name].name) }} as {{ dbt.type_string() }})), ''), '000000000000000AAA')
    {%- else -%} cast(null as {{ dbt.type_string() }}) {%- endif -%}
{%- endmacro %}

{#- An id: written by machines, so never padded. -#}
{% macro raw_id(name, columns) -%}
    {%- if name in columns -%}
        nullif(nullif(cast({{ adapter.quote(columns[name].name) }} as {{ dbt.type_string() }}), ''), '000000000000000AAA')
    {%- else -%} cast(null as {{ dbt.type_string() }}) {%- endif -%}
{%- endmacro %}

{% macro raw_money(name, columns) -%}
    {%- if name not in columns -%} cast(null as {{ money_type() }})
    {%- elif columns[name].is_string() -%} {{ text_to_money(adapter.quote(columns[name].name)) }}
    {%- else -%}
        case
            when abs({{ adapter.quote(columns[name].name) }}) < 1e15
                then cast({{ adapter.quote(columns[name].name) }} as {{ money_type() }})
        end
    {%- endif -%}
{%- endmacro %}

{% macro raw_number(name, columns) -%}
    {%- if name not in columns -%} cast(null as {{ type_double() }})
    {%- elif columns[name].is_string() -%} {{ text_to_number(adapter.quote(columns[name].name)) }}
    {%- else -%} cast({{ adapter.quote(columns[name].name) }} as {{ type_double() }})
    {%- endif -%}
{%- endmacro %}

{% macro raw_timestamp(name, columns) -%}
    {%- if name not in columns -%} cast(null as {{ dbt.type_timestamp() }})
    {%- elif columns[name].is_string() -%} {{ text_to_timestamp(adapter.quote(columns[name].name)) }}
    {%- else -%} {{ utc_timestamp(adapter.quote(columns[name].name), columns[name].dtype) }}
    {%- endif -%}
{%- endmacro %}

{% macro raw_date(name, columns) -%}
    cast({{ raw_timestamp(name, columns) }} as date)
{%- endmacro %}

{#- Booleans land as boolean, 0/1 or text. -#}
{% macro raw_boolean(name, columns) -%}
    {%- if name not in columns -%} cast(null as {{ dbt.type_boolean() }})
    {%- else -%}
        case lower(cast({{ adapter.quote(columns[name].name) }} as {{ dbt.type_string() }}))
            when 'true' then true
            when 't' then true
            when '1' then true
            when 'false' then false
            when 'f' then false
            when '0' then false
        end
    {%- endif -%}
{%- endmacro %}

{#- True where a raw value is there but cannot be read as its type. -#}
{% macro raw_is_unreadable(name, typed_expression, columns) -%}
    {%- if name in columns -%} ({{ raw_text(name, columns) }} is not null and {{ typed_expression }} is null)
    {%- else -%} false {%- endif -%}
{%- endmacro %}
