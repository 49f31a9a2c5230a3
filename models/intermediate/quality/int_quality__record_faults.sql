{#-
    Faults of everything but opportunities and their histories: the columns of the contract that name a
    row which is not there, and for each table what else can be wrong with a row that is published.
-#}
{%- set dangling = {
    'accounts': [('account_owner_dangling', 'owner_id', 'users')],
    'users': [('manager_dangling', 'manager_id', 'users')],
    'leads': [
        ('lead_opportunity_dangling', 'opportunity_id', 'opportunities'),
        ('lead_account_dangling', 'account_id', 'accounts'),
        ('lead_owner_dangling', 'owner_id', 'users'),
    ],
    'lead_changes': [('lead_change_dangling', 'lead_id', 'leads')],
    'touches': [
        ('touch_opportunity_dangling', 'opportunity_id', 'opportunities'),
        ('touch_lead_dangling', 'lead_id', 'leads'),
        ('touch_owner_dangling', 'owner_id', 'users'),
    ],
} -%}
{%- set keys = {
    'accounts': 'account_id', 'users': 'user_id', 'leads': 'lead_id', 'lead_changes': 'lead_id', 'touches': 'touch_id', 'opportunities': 'opportunity_id',
} -%}
{#- The moment that tells when the fault entered. -#}
{%- set moments = {'leads': 'last_modified_at', 'lead_changes': 'changed_at', 'touches': 'occurred_at'} -%}
{%- set other_faults = {
    'accounts': {'account_name_garbled': is_garbled('faulty.name')},
} -%}
{#- What the contract has repaired can only be seen before: the table, the rule, the condition, the moment. -#}
{%- set repaired = [
    ('accounts', 'account_employees_negative', 'employees < 0', 'last_modified_at'),
    ('leads', 'lead_converted_before_creation', 'cast(converted_at as date) < cast(created_at as date)', 'last_modified_at'),
] -%}

with judged as (
    {%- for contract_table, columns in dangling.items() %}
    {%- set conditions = other_faults.get(contract_table, {}).copy() %}
    {%- for rule, column, parent in columns %}
    {%- do conditions.update({rule: 'faulty.' ~ column ~ ' is not null and parent_' ~ loop.index ~ '.' ~ keys[parent] ~ ' is null'}) %}
    {%- endfor %}
    select
        faulty.crm,
        '{{ contract_table }}' as contract_table,
        faulty.{{ keys[contract_table] }} as row_id,
        faulty.{{ moments.get(contract_table, 'loaded_at') }} as moment,
        faulty.loaded_at,
        {% for rule, condition in conditions.items() -%}
        case when {{ condition }} then '{{ rule }},' else '' end{{ ' ||' if not loop.last else ' as rules' }}
        {% endfor -%}
    from {{ ref('crm_' ~ contract_table) }} as faulty
    {% for rule, column, parent in columns -%}
    left join {{ ref('crm_' ~ parent) }} as parent_{{ loop.index }}
        on faulty.crm = parent_{{ loop.index }}.crm and faulty.{{ column }} = parent_{{ loop.index }}.{{ keys[parent] }}
    {% endfor -%}
    union all
    {%- endfor %}
    select
        changes.crm,
        'attribute_changes' as contract_table,
        changes.entity_id as row_id,
        changes.changed_at as moment,
        changes.loaded_at,
        case when opportunities.opportunity_id is null and accounts.account_id is null then 'attribute_change_dangling,' else '' end as rules
    from {{ ref('crm_attribute_changes') }} as changes
    left join {{ ref('crm_opportunities') }} as opportunities
        on changes.entity = 'opportunity' and changes.crm = opportunities.crm and changes.entity_id = opportunities.opportunity_id
    left join {{ ref('crm_accounts') }} as accounts
        on changes.entity = 'account' and changes.crm = accounts.crm and changes.entity_id = accounts.account_id
    {%- for crm in crms() %}
    {%- for contract_table, rule, condition, moment in repaired %}
    union all
    select
        '{{ crm }}' as crm,
        '{{ contract_table }}' as contract_table,
        {{ keys[contract_table] }} as row_id,
        {{ moment }} as moment,
        loaded_at,
        '{{ rule }},' as rules
    from {{ ref('stg_' ~ crm ~ '__' ~ contract_table) }}
    where {{ condition }} and {{ keys[contract_table] }} is not null
    {%- endfor %}
    {%- endfor %}
),

split as (
    select
        crm,
        contract_table,
        row_id,
        moment,
        loaded_at,
        {{ split_to_rows('rules', ',') }} as rule
    from judged
    where rules <> ''
)

select
    split.crm,
    split.contract_table,
    split.row_id,
    split.rule,
    case
        {%- for _, rule, _, _ in repaired %}
        when split.rule = '{{ rule }}' then 'repaired'
        {%- endfor %}
        else 'flagged'
    end as handling,
    {{ fault_entered_on('split.moment', 'split.loaded_at') }} as entered_on
from split
cross join {{ ref('int_as_of') }} as as_of
where split.rule <> ''
