{#-
    A person's address or number as a salted hash: joins still work, the person is not named.
    The salt comes from the environment and never stands in the project.
-#}
{% macro personal_hash(expression) -%}
    {{ dbt.hash("lower(" ~ expression ~ ") || '" ~ env_var('UNIFIED_PIPELINE_HASH_SALT', '') ~ "'") }}
{%- endmacro %}
