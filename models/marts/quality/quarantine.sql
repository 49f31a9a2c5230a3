{#- The rows the contract cannot take: which columns a row must have to be published at all. -#}
{%- set required = [
    ('opportunities', 'opportunity_id', 'created_at'),
    ('attribute_changes', 'entity_id', 'changed_at'),
    ('accounts', 'account_id', none),
    ('users', 'user_id', none),
    ('leads', 'lead_id', 'created_at'),
    ('lead_changes', 'lead_id', 'changed_at'),
    ('touches', 'touch_id', 'occurred_at'),
] -%}

with incomplete as (
    {%- for crm in crms() -%}
    {%- for contract_table, key, moment in required %}
    select
        '{{ crm }}' as crm,
        '{{ contract_table }}' as contract_table,
        {{ key }} as row_id,
        case
            when {{ key }} is null then 'missing_id'
            {%- if moment %}
            when {{ moment }} is null then 'missing_{{ moment }}'
            else 'impossible_{{ moment }}'
            {%- endif %}
        end as reason,
        cast({{ 'amount_original' if contract_table == 'opportunities' else 'null' }} as {{ money_type() }}) as amount,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__' ~ contract_table) }}
    {#- An account or user needs no moment; everything else must have happened at some time. #}
    where
        {{ key }} is null
        {%- if moment %}
        or {{ moment }} is null
        or {{ is_impossible_moment(moment, 'loaded_at', days_ahead(contract_table)) }}
        {%- endif %}
    union all
    {%- endfor %}
    {%- endfor %}
    select
        crm,
        'opportunity_changes' as contract_table,
        opportunity_id as row_id,
        fault as reason,
        amount_original as amount,
        loaded_at
    from {{ ref('int_quality__history_faults') }}
    where is_quarantined
)

select
    incomplete.crm,
    incomplete.contract_table,
    incomplete.row_id,
    incomplete.reason,
    incomplete.amount,
    incomplete.loaded_at,
    as_of.as_of_date
from incomplete
cross join {{ ref('int_as_of') }} as as_of
