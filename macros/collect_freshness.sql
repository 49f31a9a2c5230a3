{#-
    How old a raw table is, for `dbt source freshness`: against the clock, or, where var as_of_date
    is set, against the end of that day, so that data of the past (the demo, an archive) can be
    looked at too. A table or load time that is absent is no error unless the table is required:
    what is not there cannot be stale, and `source_gaps` lists it. Replaces the macro of dbt.
-#}
{% macro collect_freshness(source, loaded_at_field, filter) -%}
    {%- set moment -%}
        {%- if var('as_of_date') -%}
            {{ dbt.dateadd('day', 1, "cast('" ~ var('as_of_date') ~ "' as " ~ dbt.type_timestamp() ~ ")") }}
        {%- else -%} {{ dbt.current_timestamp() }} {%- endif -%}
    {%- endset -%}
    {%- set described = namespace(is_required=false) -%}
    {%- for candidate in graph.sources.values() -%}
        {%- if candidate.schema == source.schema and candidate.identifier == source.identifier -%}
            {%- set described.is_required = candidate.config.meta.get('required', false) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set columns = [] -%}
    {%- if load_relation(source) is not none -%}
        {%- for column in adapter.get_columns_in_relation(source) -%} {%- do columns.append(column.name | lower) -%} {%- endfor -%}
    {%- endif -%}
    {%- set is_known = loaded_at_field | lower in columns -%}
    {%- if not is_known -%}
        {%- do log(source.schema ~ '.' ~ source.identifier ~ (' has no column ' ~ loaded_at_field if columns else ' is absent')
            ~ (': it is required' if described.is_required else ': nothing to be stale; see source_gaps'), info=true) -%}
    {%- endif -%}
    {%- call statement('collect_freshness', fetch_result=True, auto_begin=False) %}
        select
            {%- if is_known %}
            {{ 'max(' ~ loaded_at_field ~ ')' if described.is_required else 'coalesce(max(' ~ loaded_at_field ~ '), cast(' ~ moment ~ ' as ' ~ dbt.type_timestamp() ~ '))' }} as max_loaded_at,
            {%- else %}
            cast({{ 'null' if described.is_required else moment }} as {{ dbt.type_timestamp() }}) as max_loaded_at,
            {%- endif %}
            {{ moment }} as snapshotted_at
        {%- if is_known %}
        from {{ source }}
        {{ 'where ' ~ filter if filter }}
        {%- endif %}
    {%- endcall %}
    {{ return(load_result('collect_freshness')) }}
{%- endmacro %}
