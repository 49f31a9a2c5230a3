{#- The rows the contract cannot take: which columns a row must have to be published at all. -#}
{%- set required = [
    ('opportunities', 'opportunity_id', 'created_at', 2),
    ('attribute_changes', 'entity_id', 'changed_at', 2),
    ('accounts', 'account_id', none, 0),
    ('users', 'user_id', none, 0),
    ('leads', 'lead_id', 'created_at', 2),
    ('lead_changes', 'lead_id', 'changed_at', 2),
    ('touches', 'touch_id', 'occurred_at', 1100),
] -%}

with incomplete as (
    {%- for crm in crms() -%}
    {%- for contract_table, key, moment, days_ahead in required %}
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
        or {{ is_impossible_moment(moment, 'loaded_at', days_ahead) }}
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
