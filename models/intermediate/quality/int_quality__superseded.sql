{#- Rows the CRM has deleted, of tables that publish none of them: the table, its key, and what else a row must have. -#}
{%- set deleted = [
    ('users', 'user_id', none),
    ('touches', 'touch_id', 'occurred_at'),
    ('opportunity_changes', 'opportunity_id', 'changed_at'),
] -%}
{%- set copied = [('opportunities', 'opportunity_id'), ('leads', 'lead_id'), ('accounts', 'account_id'), ('users', 'user_id')] -%}
with superseded as (
    -- Older copies of a row that came more than once.
    {%- for contract_table, key in copied %}
    select
        crm,
        '{{ contract_table }}' as contract_table,
        {{ key }} as row_id,
        'copy' as reason,
        loaded_at,
        superseded_row_count as row_count
    from {{ ref('crm_' ~ contract_table) }}
    where superseded_row_count > 0
    union all
    {%- endfor %}
    {%- for crm in crms() %}
    {%- for contract_table, key, moment in deleted %}
    select
        '{{ crm }}' as crm,
        '{{ contract_table }}' as contract_table,
        {{ key }} as row_id,
        'deleted' as reason,
        loaded_at,
        1 as row_count
    from {{ ref('stg_' ~ crm ~ '__' ~ contract_table) }}
    where is_deleted and {{ key }} is not null{% if moment %} and {{ is_possible_moment(moment, 'loaded_at', days_ahead(contract_table)) }}{% endif %}
    union all
    {%- endfor %}
    select
        '{{ crm }}' as crm,
        contract_table,
        row_id,
        reason,
        loaded_at,
        row_count
    from {{ ref('stg_' ~ crm ~ '__discarded') }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    superseded.crm,
    superseded.contract_table,
    superseded.row_id,
    -- Of two values at one moment one is taken; whatever else is here says nothing new.
    case when superseded.reason = 'tie' then 'history_tie' else superseded.contract_table || '_superseded' end as rule,
    case when superseded.reason = 'tie' then 'repaired' else 'superseded' end as handling,
    coalesce(cast(superseded.loaded_at as date), as_of.as_of_date) as entered_on,
    superseded.row_count
from superseded
cross join {{ ref('int_as_of') }} as as_of
