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
    {%- if var('salesforce_loader') not in ['fivetran', 'airbyte', 'dlt'] -%}
        {{ exceptions.raise_compiler_error("salesforce_loader is '" ~ var('salesforce_loader') ~ "'; known are fivetran, airbyte, dlt") }}
    {%- endif -%}
    {{ return(var('crm_sources')) }}
{% endmacro %}
