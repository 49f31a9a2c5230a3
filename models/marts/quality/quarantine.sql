{#- The rows the contract cannot take: which columns a row must have to be published at all. -#}
{%- set required = [
    ('opportunities', 'opportunity_id', 'created_at', 'amount_original'),
    ('opportunity_changes', 'opportunity_id', 'changed_at', 'amount_original'),
    ('attribute_changes', 'entity_id', 'changed_at', 'null'),
    ('accounts', 'account_id', 'loaded_at', 'null'),
    ('users', 'user_id', 'loaded_at', 'null'),
    ('leads', 'lead_id', 'created_at', 'null'),
    ('lead_changes', 'lead_id', 'changed_at', 'null'),
    ('touches', 'touch_id', 'occurred_at', 'null'),
] -%}

with incomplete as (
    {%- for crm in crms() -%}
    {%- for contract_table, key, moment, amount in required %}
    select
        '{{ crm }}' as crm,
        '{{ contract_table }}' as contract_table,
        {{ key }} as row_id,
        case when {{ key }} is null then 'missing_id' else 'missing_{{ moment }}' end as reason,
        cast({{ amount }} as {{ money_type() }}) as amount,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__' ~ contract_table) }}
    {#- An account or user needs no moment; everything else must have happened at some time. #}
    where {{ key }} is null{{ ' or ' ~ moment ~ ' is null' if moment != 'loaded_at' }}
    union all
    {%- endfor %}
    -- A change of an opportunity that the CRM does not have.
    select
        '{{ crm }}' as crm,
        'opportunity_changes' as contract_table,
        changes.opportunity_id as row_id,
        'unknown_opportunity' as reason,
        changes.amount_original as amount,
        changes.loaded_at
    from {{ ref('stg_' ~ crm ~ '__opportunity_changes') }} as changes
    left join {{ ref('crm_opportunities') }} as opportunities
        on changes.opportunity_id = opportunities.opportunity_id and opportunities.crm = '{{ crm }}'
    where
        opportunities.opportunity_id is null
        and changes.opportunity_id is not null
        and changes.changed_at is not null
        and not changes.is_deleted
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
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
