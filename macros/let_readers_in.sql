{#-
    Readers may select every mart (the grants of dbt_project.yml) and nothing else. Where a schema
    must be opened before its tables can be read, it is opened here, after every run.
-#}
{% macro let_readers_in() -%}
    {%- set role = env_var('UNIFIED_PIPELINE_READER_ROLE', '') -%}
    {%- set schema = generate_schema_name('marts', none) -%}
    {#- A role may be named before the first mart is built. -#}
    {%- if execute and role and adapter.check_schema_exists(target.database, schema) -%}
        {{ open_schema(schema, role) }}
    {%- endif -%}
{%- endmacro %}

{% macro open_schema(schema, role) -%} {{ return(adapter.dispatch('open_schema', 'unified_pipeline')(schema, role)) }} {%- endmacro %}
{% macro default__open_schema(schema, role) -%} grant usage on schema {{ schema }} to {{ role }} {%- endmacro %}
{#- DuckDB is a file: who may read it, may read all of it. -#}
{% macro duckdb__open_schema(schema, role) -%} {%- endmacro %}

{#- The adapter warns of every grant; the file's own rights are what there is to set. -#}
{% macro duckdb__apply_grants(relation, grant_config, should_revoke=true) -%} {%- endmacro %}
