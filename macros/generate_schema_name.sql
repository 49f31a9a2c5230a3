{#-
    The project's schemas carry bare names (marts, crm, ...). A prefix makes a developer's own
    copy; a build as of an earlier date goes beside the daily tables, never over them. What snapshots
    have recorded is one and the same whatever day is built.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set schema = var('schema_prefix') ~ (custom_schema_name | trim if custom_schema_name else target.schema) -%}
    {{ schema ~ ('_as_of_' ~ var('as_of_date') | replace('-', '') if var('as_of_date') and node.resource_type != 'snapshot' else '') }}
{%- endmacro %}
