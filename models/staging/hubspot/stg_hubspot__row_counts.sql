{{ config(enabled='hubspot' in var('crm_sources')) }}
{#- What came in, table by table, for the reconciliation: nothing may be lost on the way. -#}
{%- set whole_tables = {
    'deal': 'opportunities', 'company': 'accounts', 'owner': 'users', 'contact': 'leads',
    'engagement_call': 'touches', 'engagement_email': 'touches', 'engagement_task': 'touches', 'engagement_meeting': 'touches',
} -%}
{%- set lead_source = hubspot_lead_source(raw_columns('hubspot', 'deal')) -%}
{%- set properties = {
    'deal_property_history': ('deal_id', ['hubspot_owner_id', 'dealtype', lead_source]),
    'company_property_history': ('company_id', ['numberofemployees', 'country']),
} -%}
{%- set deal_columns = raw_columns('hubspot', 'deal') -%}
{%- set contact_columns = raw_columns('hubspot', 'contact_property_history') -%}

with landed as (
    {% for raw_name in whole_tables.keys() | list + properties.keys() | list + ['deal_stage', 'contact_property_history'] -%}
    {%- set columns = raw_columns('hubspot', raw_name) -%}
    select
        '{{ raw_name }}' as raw_table,
        count(*) as rows_in,
        {{ raw_copies('hubspot', columns, key='engagement_id') }} as copies
    from {{ raw_table('hubspot', raw_name, columns) }}
    union all
    {% endfor -%}
    -- an entry date among a deal's properties is a row, too
    select
        'entry dates' as raw_table,
        coalesce(sum(
            0
            {%- for name in hubspot_entry_date_properties(deal_columns) %}
            + case when {{ raw_timestamp(name, deal_columns) }} is not null then 1 else 0 end
            {%- endfor %}
        ), 0) as rows_in,
        0 as copies
    from {{ raw_table('hubspot', 'deal', deal_columns) }}
),

-- What the histories of a deal's stage, amount and so on say of one moment is one change.
events as (
    {{ hubspot_deal_events(hubspot_state_properties()) }}
),

moments as (
    select distinct
        opportunity_id,
        changed_at
    from events
),

state_changes as (
    select count(*) as rows_in_scope from moments
),

lifecycle_stages as (
    select distinct
        {{ raw_id('contact_id', contact_columns) }} as contact_id,
        {{ raw_timestamp('timestamp', contact_columns) }} as changed_at,
        {{ raw_text('value', contact_columns) }} as status
    from {{ raw_table('hubspot', 'contact_property_history', contact_columns) }}
    where {{ raw_text('name', contact_columns) }} = 'lifecyclestage'
),

lead_changes as (
    select count(*) as rows_in_scope from lifecycle_stages
),

{% for raw_name, (key, names) in properties.items() -%}
{{ raw_name }}_changes as (
    {{ hubspot_property_changes(raw_name, key, names) }}
),

{% endfor -%}
-- A property at creation is no change, and neither is a copy of a row.
attribute_changes as (
    {% for raw_name in properties -%}
    select
        '{{ raw_name }}' as raw_table,
        count(*) as rows_in_scope
    from {{ raw_name }}_changes
    where is_change
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
)

{% for raw_name, contract_table in whole_tables.items() -%}
select
    '{{ contract_table }}' as contract_table,
    raw_table,
    rows_in,
    copies as rows_out_of_scope
from landed
where raw_table = '{{ raw_name }}'
union all
{% endfor -%}
select
    'attribute_changes' as contract_table,
    landed.raw_table,
    landed.rows_in,
    landed.rows_in - attribute_changes.rows_in_scope as rows_out_of_scope
from landed
inner join attribute_changes on landed.raw_table = attribute_changes.raw_table
union all
select
    'opportunity_changes' as contract_table,
    'histories of deals' as raw_table,
    sum(landed.rows_in) as rows_in,
    sum(landed.rows_in) - max(state_changes.rows_in_scope) as rows_out_of_scope
from landed
cross join state_changes
where landed.raw_table in ('deal_property_history', 'deal_stage', 'entry dates')
union all
select
    'lead_changes' as contract_table,
    landed.raw_table,
    landed.rows_in,
    landed.rows_in - lead_changes.rows_in_scope as rows_out_of_scope
from landed
cross join lead_changes
where landed.raw_table = 'contact_property_history'
