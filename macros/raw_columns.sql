{#-
    Reading raw CRM tables. A loader may leave out a column, or a whole table, that holds no
    value yet, and may land numbers and dates as text. These macros turn what is there into
    typed columns and what is absent into typed nulls, so that staging models list their
    columns plainly and nothing above them needs to know.

        {%- set columns = raw_columns('salesforce', 'opportunity') %}
        select {{ raw_text('stage_name', columns) }} as stage_name
        from {{ raw_table('salesforce', 'opportunity', columns) }}
-#}

{#-
    The columns of a raw table by name; empty where there is no table. Fivetran's names are the ones
    that staging models use. Another loader's lead to the same columns: StageName, stage_name and
    stagename are one, ARR__c, arr__c and arr_c are another. The key for that is a name without its
    underscores, after a ~; raw_column looks there last.
-#}
{% macro raw_columns(source_name, table_name) %}
    {%- set found = {} -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- set loaded = {'_airbyte_extracted_at': '_fivetran_synced', '_dlt_load_id': '_fivetran_synced'} -%}
    {%- set made = hubspot_made_table(table_name) if source_name == 'hubspot' else none -%}
    {%- if made is not none -%} {%- set columns = made['columns'] -%}
    {%- elif execute and load_relation(relation) is not none -%} {%- set columns = adapter.get_columns_in_relation(relation) -%}
    {%- else -%} {%- set columns = [] -%}
    {%- endif -%}
    {%- for column in columns -%}
        {%- set landed_name = column.name | lower -%}
        {%- set names = hubspot_names(table_name, landed_name) if source_name == 'hubspot' else [landed_name] -%}
        {%- for name in names -%}
            {%- set name = loaded.get(name, name) -%}
            {%- do found.update({name: column, '~' ~ name | replace('_', ''): column}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{#- One of them, none where it is absent. -#}
{% macro raw_column(name, columns) %}
    {{ return(columns.get(name, columns.get('~' ~ name | replace('_', '')))) }}
{% endmacro %}

{#-
    The raw table, or an empty row set where the CRM or its loader has none. Of a table in history mode
    the last version of each row, unless all of them are asked for.
-#}
{% macro raw_table(source_name, table_name, columns, all_versions=false) -%}
    {%- set made = hubspot_made_table(table_name) if source_name == 'hubspot' else none -%}
    {%- if not columns -%} (select 1 as absent where false) as absent_{{ table_name }}
    {%- elif made is not none -%} ({{ made['sql'] }}) as made_{{ table_name }}
    {%- elif raw_is_versioned(columns, source_name) and not all_versions -%}
    (
        select *
        from (
            select
                landed.*,
                row_number() over (
                    partition by {{ raw_id('id', columns) }} order by {{ raw_timestamp('_fivetran_start', columns) }} desc nulls last
                ) as version_number
            from {{ source(source_name, table_name) }} as landed
        ) as numbered
        where version_number = 1 or {{ raw_id('id', columns) }} is null
    ) as last_{{ table_name }}
    {%- else -%} {{ source(source_name, table_name) }}
    {%- endif -%}
{%- endmacro %}

{#-
    The same with the latest copy of each row only. Loaders that append bring a changed row once more;
    the CRM contract sorts that out where a row has a state, this does where it has none.
-#}
{% macro raw_latest(source_name, table_name, columns, key='id', changed_at=['last_modified_date', 'system_modstamp']) -%}
    {%- if not raw_may_have_copies(source_name, columns, key) -%} {{ raw_table(source_name, table_name, columns) }}
    {%- else -%}
    (
        select *
        from (
            select
                landed.*,
                row_number() over (
                    partition by {{ raw_id(key, columns) }}
                    order by
                        {%- for name in changed_at + ['_fivetran_synced'] %}
                        {{ raw_timestamp(name, columns) }} desc nulls last{{ ',' if not loop.last }}
                        {%- endfor %}
                ) as copy_number
            from (select * from {{ raw_table(source_name, table_name, columns) }}) as landed
        ) as numbered
        where copy_number = 1 or {{ raw_id(key, columns) }} is null
    ) as latest_{{ table_name }}
    {%- endif -%}
{%- endmacro %}

{#- How many of the rows in scope raw_latest leaves out, as an aggregate over all rows of the raw table. -#}
{% macro raw_copies(source_name, columns, in_scope='true', key='id') -%}
    {%- set id_in_scope = 'case when ' ~ in_scope ~ ' then ' ~ raw_id(key, columns) ~ ' end' -%}
    {%- if not (raw_may_have_copies(source_name, columns, key) or raw_is_versioned(columns, source_name)) -%} 0
    {%- else -%} count({{ id_in_scope }}) - count(distinct {{ id_in_scope }})
    {%- endif -%}
{%- endmacro %}

{#-
    Fivetran's history mode: the table has a row for each version of a record, from _fivetran_start on;
    the last is active unless the record is deleted. (HubSpot's tables have such columns for other reasons.)
-#}
{% macro raw_is_versioned(columns, source_name='salesforce') %}
    {{ return(source_name == 'salesforce' and '_fivetran_active' in columns and '_fivetran_start' in columns and 'id' in columns) }}
{% endmacro %}

{#- Whether a record is deleted: it says so itself, or in history mode has no active version any more. -#}
{% macro raw_deleted(name, columns) -%}
    coalesce({{ raw_boolean(name, columns) }}, false)
    {%- if raw_is_versioned(columns) %} or not coalesce({{ raw_boolean('_fivetran_active', columns) }}, true){% endif %}
{%- endmacro %}

{#- When history mode ended the last version of a record; null where it is active. -#}
{% macro raw_deleted_at(columns) -%}
    {%- if raw_is_versioned(columns) -%}
        case when not {{ raw_boolean('_fivetran_active', columns) }} then {{ raw_timestamp('_fivetran_end', columns) }} end
    {%- else -%} cast(null as {{ dbt.type_timestamp() }}) {%- endif -%}
{%- endmacro %}

{% macro raw_may_have_copies(source_name, columns, key) %}
    {{ return(var(source_name ~ '_loader', 'fivetran') != 'fivetran' and raw_column(key, columns) is not none) }}
{% endmacro %}

{#- Whether a landed column holds numbers that may have decimals. -#}
{% macro raw_is_fractional(column) %}
    {{ return(modules.re.search('double|float|real|decimal|numeric', column.dtype | lower) is not none) }}
{% endmacro %}

{#- A landed column as text. A whole number has no decimals, though a loader may land it as double: 12, not 12.0. -#}
{% macro raw_as_text(column) -%}
    {%- set value = adapter.quote(column.name) -%}
    {%- set text = 'cast(' ~ value ~ ' as ' ~ dbt.type_string() ~ ')' -%}
    {%- if not raw_is_fractional(column) -%} {{ text }}
    {%- else -%}
    case
        when abs({{ value }}) < 9e18 and {{ value }} = floor({{ value }}) then cast(cast({{ value }} as bigint) as {{ dbt.type_string() }})
        else {{ text }}
    end
    {%- endif -%}
{%- endmacro %}

{#- A text column; empty strings, and words that exports write for nothing, become null. -#}
{% macro raw_text(name, columns) -%}
    {%- set column = raw_column(name, columns) -%}
    {%- if column is not none -%} {{ null_where_empty('trim(' ~ raw_as_text(column) ~ ')') }}
    {%- else -%} cast(null as {{ dbt.type_string() }}) {%- endif -%}
{%- endmacro %}

{#- An id: written by machines, so never padded. No CRM calls a record 0. -#}
{% macro raw_id(name, columns) -%}
    {%- set column = raw_column(name, columns) -%}
    {%- if column is not none -%} {{ null_where_empty(raw_as_text(column), ['0']) }}
    {%- else -%} cast(null as {{ dbt.type_string() }}) {%- endif -%}
{%- endmacro %}

{#- Null for what stands for nothing: see var null_words. -#}
{% macro null_where_empty(text, further=[]) -%}
    case when {{ text }} not in ('', '{{ (var('null_words') + further) | join("', '") }}') then {{ text }} end
{%- endmacro %}

{% macro raw_money(name, columns) -%}
    {%- set column = raw_column(name, columns) -%}
    {%- if column is none -%} cast(null as {{ money_type() }})
    {%- elif column.is_string() -%} {{ text_to_money(adapter.quote(column.name)) }}
    {%- else -%}
        case
            when abs({{ adapter.quote(column.name) }}) < 1e15
                then cast({{ adapter.quote(column.name) }} as {{ money_type() }})
        end
    {%- endif -%}
{%- endmacro %}

{% macro raw_number(name, columns) -%}
    {%- set column = raw_column(name, columns) -%}
    {%- if column is none -%} cast(null as {{ type_double() }})
    {%- elif column.is_string() -%} {{ text_to_number(adapter.quote(column.name)) }}
    {%- else -%} cast({{ adapter.quote(column.name) }} as {{ type_double() }})
    {%- endif -%}
{%- endmacro %}

{#- An id that is a number, to take the smallest of several; null where it can be none. -#}
{% macro raw_id_number(name, columns) -%}
    case when {{ raw_number(name, columns) }} > 0 and {{ raw_number(name, columns) }} < 9e15 then {{ raw_number(name, columns) }} end
{%- endmacro %}

{% macro raw_timestamp(name, columns) -%}
    {%- set column = raw_column(name, columns) -%}
    {%- if column is none -%} cast(null as {{ dbt.type_timestamp() }})
    {#- dlt tells the time of a load in seconds since 1970, as text #}
    {%- elif column.name | lower == '_dlt_load_id' -%} {{ millis_to_timestamp(text_to_number(adapter.quote(column.name)) ~ ' * 1000') }}
    {%- elif column.is_integer() or raw_is_fractional(column) -%} {{ millis_to_timestamp(adapter.quote(column.name)) }}
    {%- elif column.is_string() -%} {{ text_to_timestamp(adapter.quote(column.name)) }}
    {%- else -%} {{ utc_timestamp(adapter.quote(column.name), column.dtype) }}
    {%- endif -%}
{%- endmacro %}

{% macro raw_date(name, columns) -%}
    cast({{ raw_timestamp(name, columns) }} as date)
{%- endmacro %}

{#- Booleans land as boolean, 0/1 or text. -#}
{% macro raw_boolean(name, columns) -%}
    {%- set column = raw_column(name, columns) -%}
    {%- if column is none -%} cast(null as {{ dbt.type_boolean() }})
    {%- else -%}
        case lower({{ raw_as_text(column) }})
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
    {%- set column = raw_column(name, columns) -%}
    {%- if column is not none -%} ({{ raw_text(name, columns) }} is not null and {{ typed_expression }} is null)
    {%- else -%} false {%- endif -%}
{%- endmacro %}
