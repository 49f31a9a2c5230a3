{#- What several Salesforce staging models need: which fields of a field history make the state of an opportunity, and currency rates. -#}

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

{#-
    The rate of each currency that CurrencyType has, which knows no dates: all that a Salesforce without Advanced
    Currency Management has. Inactive currencies are those of older opportunities, and count.
-#}
{% macro salesforce_undated_rates() -%}
{%- set columns = raw_columns('salesforce', 'currency_type') -%}
    select
        currency,
        conversion_rate
    from (
        select
            currency,
            conversion_rate,
            row_number() over (
                partition by currency
                order by changed_at desc nulls last, loaded_at desc nulls last, conversion_rate desc nulls last
            ) as recency
        from (
            select
                upper({{ raw_text('iso_code', columns) }}) as currency,
                {{ raw_number('conversion_rate', columns) }} as conversion_rate,
                coalesce({{ raw_timestamp('last_modified_date', columns) }}, {{ raw_timestamp('system_modstamp', columns) }}) as changed_at,
                {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
            from {{ raw_latest('salesforce', 'currency_type', columns) }}
            where not ({{ raw_deleted('is_deleted', columns) }} or {{ raw_deleted('_fivetran_deleted', columns) }})
        ) as landed
    ) as ranked
    where recency = 1
{%- endmacro %}
