{#-
    The staging models of every CRM in use, one below the other:

        {% for crm in crms() %}
        select ..., '{{ crm }}' as crm from {{ ref('stg_' ~ crm ~ '__leads') }}
        {% endfor %}
-#}
{% macro crms() %}
    {%- set known = ['salesforce', 'hubspot', 'flat_file'] -%}
    {%- for crm in var('crm_sources') if crm not in known -%}
        {{ exceptions.raise_compiler_error("crm_sources names '" ~ crm ~ "', which has no staging folder; known are " ~ known | join(', ')) }}
    {%- endfor -%}
    {%- for crm in ['salesforce', 'hubspot'] if var(crm ~ '_loader') not in ['fivetran', 'airbyte', 'dlt'] -%}
        {{ exceptions.raise_compiler_error(crm ~ "_loader is '" ~ var(crm ~ '_loader') ~ "'; known are fivetran, airbyte, dlt") }}
    {%- endfor -%}
    {{ return(var('crm_sources')) }}
{% endmacro %}
