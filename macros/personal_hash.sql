{#-
    Personal data on its way out of the raw tables. Above staging no row holds an e-mail address,
    a telephone number or the name of a person; docs/privacy.md says what that rests on.
-#}

{#-
    A person's address or number as a salted hash: joins still work, the person is not named.
    The salt comes from the environment variable UNIFIED_PIPELINE_HASH_SALT and never stands in
    the project. What follows it here is for the demo alone: anybody can read it.
-#}
{% macro personal_hash(expression) -%}
    {%- set salt = env_var('UNIFIED_PIPELINE_HASH_SALT', 'unified-pipeline-demo') -%}
    {{ dbt.hash("lower(" ~ expression ~ ") || '" ~ dbt.escape_single_quotes(salt) ~ "'") }}
{%- endmacro %}

{#-
    Text that people type, such as the name of an opportunity: addresses and numbers in it become
    [removed]. Names cannot be told from other words, so var keep_free_text leaves it out whole.
    Numbers are found where they begin with + or are written like 555-123-4567.
-#}
{% macro free_text(expression) -%}
    {%- if not var('keep_free_text') -%} cast(null as {{ dbt.type_string() }})
    {%- else -%}
        {{ replace_pattern(
            expression,
            "([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+|[+][0-9][0-9 ()./-]{6,}[0-9]|[(]?[0-9]{3}[)]?[ ./-]+[0-9]{3}[ ./-][0-9]{4})",
            "[removed]"
        ) }}
    {%- endif -%}
{%- endmacro %}

{#- Text with every match of a regular expression replaced. -#}
{% macro replace_pattern(expression, pattern, replacement) -%}
    {{ return(adapter.dispatch('replace_pattern', 'unified_pipeline')(expression, pattern, replacement)) }}
{%- endmacro %}
{% macro default__replace_pattern(expression, pattern, replacement) -%} regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}') {%- endmacro %}
{% macro duckdb__replace_pattern(expression, pattern, replacement) -%} regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}', 'g') {%- endmacro %}
{% macro postgres__replace_pattern(expression, pattern, replacement) -%} regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}', 'g') {%- endmacro %}
