{#-
    Drops the schemas of a back-test's build, once its forecasts are recorded. Run by
    `reverse-funnel backtest`; refuses any build that is not one of its own.
-#}
{% macro drop_backtest_schemas() %}
    {%- if not (var('as_of_date') and var('schema_prefix').endswith('backtest_')) -%}
        {{ exceptions.raise_compiler_error('only the schemas of a back-test are dropped: run reverse-funnel backtest') }}
    {%- endif -%}
    {%- set schemas = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'seed') and node.schema not in schemas -%}
        {%- do schemas.append(node.schema) -%}
    {%- endfor -%}
    {%- for schema in schemas if schema.startswith(var('schema_prefix')) and adapter.check_schema_exists(target.database, schema) -%}
        {%- do adapter.drop_schema(api.Relation.create(database=target.database, schema=schema)) -%}
    {%- endfor -%}
{% endmacro %}
