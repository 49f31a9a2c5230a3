{#- What several Salesforce staging models need: which fields of a field history make the state of an opportunity. -#}

{#- The fields of OpportunityFieldHistory that are the state of an opportunity, by their names in the contract. -#}
{% macro salesforce_state_fields() %}
    {{ return({'StageName': 'stage_name', 'Amount': 'amount', 'CloseDate': 'close_date', 'ForecastCategoryName': 'forecast_category'}) }}
{% endmacro %}

{#- What the field history writes when an opportunity is created; the row has no values. -#}
{% macro salesforce_creation_marks() %}
    {{ return(['created', 'opportunityCreatedFromLead']) }}
{% endmacro %}

{% macro salesforce_history_fields() %}
    {{ return(salesforce_state_fields().keys() | list + salesforce_creation_marks()) }}
{% endmacro %}
