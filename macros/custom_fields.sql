{#-
    Custom fields: columns of the raw tables that a company wants beside its opportunities, leads and accounts,
    by configuration alone.

        vars:
          salesforce_passthrough_columns:
            opportunity: [{name: ARR__c, alias: arr}, {name: Champion_Email__c, alias: champion, personal: true}]

    They keep their type, and the alias is their name; docs/custom_fields.md says where they are published.
-#}

{#- Where each object lies: the raw table, its key and time of change, and the contract's key. -#}
{% macro custom_field_places() %}
    {%- set id = {'opportunity': 'opportunity_id', 'lead': 'lead_id', 'account': 'account_id'} -%}
    {%- set salesforce = ['last_modified_date', 'system_modstamp', '_fivetran_synced'] -%}
    {%- set hubspot = ['property_hs_lastmodifieddate', '_fivetran_synced'] -%}
    {{ return({
        'salesforce': {
            'opportunity': {'table': 'opportunity', 'key': 'id', 'id': id.opportunity, 'changed_at': salesforce},
            'lead': {'table': 'lead', 'key': 'id', 'id': id.lead, 'changed_at': salesforce},
            'account': {'table': 'account', 'key': 'id', 'id': id.account, 'changed_at': salesforce},
        },
        'hubspot': {
            'opportunity': {'table': 'deal', 'key': 'deal_id', 'id': id.opportunity, 'changed_at': hubspot},
            'lead': {'table': 'contact', 'key': 'id', 'id': id.lead, 'changed_at': ['property_lastmodifieddate', '_fivetran_synced']},
            'account': {'table': 'company', 'key': 'id', 'id': id.account, 'changed_at': hubspot},
        },
    }) }}
{% endmacro %}

{#- The fields configured for an object of a CRM: a list of {name, alias, personal}. -#}
{% macro custom_fields(crm, object) %}
    {%- set places = custom_field_places() -%}
    {%- if crm not in places -%} {{ return([]) }} {%- endif -%}
    {%- set variable = crm ~ '_passthrough_columns' -%}
    {%- set configured = var(variable) or {} -%}
    {%- for name in configured if name not in places[crm] -%}
        {{ exceptions.raise_compiler_error(variable ~ " names '" ~ name ~ "'; known are " ~ places[crm] | join(', ')) }}
    {%- endfor -%}
    {%- set fields = [] -%}
    {%- set taken = ['crm', 'opportunity_key', 'lead_key', 'opportunity_id', 'lead_id', 'account_id', 'last_modified_at', 'loaded_at', 'recency'] -%}
    {%- for field in configured.get(object) or [] -%}
        {%- set where = variable ~ ', ' ~ object ~ ': ' -%}
        {%- if field is not mapping or not field.name or field.keys() | reject('in', ['name', 'alias', 'personal']) | list -%}
            {{ exceptions.raise_compiler_error(where ~ field ~ ' is not written like {name: ARR__c, alias: arr, personal: false}, of which name is needed') }}
        {%- endif -%}
        {%- set alias = field.get('alias') or field.name | lower -%}
        {%- if not modules.re.match('^[a-z_][a-z0-9_]*$', alias) -%}
            {{ exceptions.raise_compiler_error(where ~ "'" ~ alias ~ "' cannot name a column; give " ~ field.name ~ ' an alias of small letters, digits and _') }}
        {%- elif alias in taken -%}
            {{ exceptions.raise_compiler_error(where ~ "'" ~ alias ~ "' is taken; give " ~ field.name ~ ' another alias') }}
        {%- endif -%}
        {%- do taken.append(alias) -%}
        {%- do fields.append({'name': field.name, 'alias': alias, 'personal': field.get('personal', false)}) -%}
    {%- endfor -%}
    {{ return(fields) }}
{% endmacro %}

{#- The landed column of a field, in whatever loader's spelling it is named; none where it is absent. -#}
{% macro raw_custom_column(crm, field, columns) %}
    {%- set name = field.name | lower -%}
    {%- set names = [name] if crm != 'hubspot' else ['property_' ~ modules.re.sub('^propert(y|ies)_', '', name), name] -%}
    {%- for name in names if raw_column(name, columns) is not none -%}
        {%- if loop.first -%} {{ return(raw_column(name, columns)) }} {%- endif -%}
    {%- endfor -%}
    {{ return(none) }}
{% endmacro %}

{#- A staging model: the fields of an object as they were landed; of personal ones the hash. -#}
{% macro staged_custom_fields(crm, object) -%}
{%- set place = custom_field_places()[crm][object] -%}
{%- set columns = raw_columns(crm, place.table) -%}
select
    {{ raw_id(place.key, columns) }} as {{ place.id }},
    coalesce(
        {%- for name in place.changed_at %}
        {{ raw_timestamp(name, columns) }}{{ ',' if not loop.last }}
        {%- endfor %}
    ) as last_modified_at,
    {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    {%- for field in custom_fields(crm, object) %}
    {%- set column = raw_custom_column(crm, field, columns) %}
    {%- if column is not none %},
    {%- set value = adapter.quote(column.name) %}
    {{ personal_hash('cast(' ~ value ~ ' as ' ~ dbt.type_string() ~ ')') if field.personal else value }} as {{ field.alias }}
    {%- endif %}
    {%- endfor %}
from {{ raw_table(crm, place.table, columns) }}
{%- endmacro %}

{#- What is configured for an object in any CRM in use: the names of the columns, in order. -#}
{% macro custom_field_aliases(object) %}
    {%- set aliases = [] -%}
    {%- for crm in crms() -%}
        {%- for field in custom_fields(crm, object) if field.alias not in aliases -%} {%- do aliases.append(field.alias) -%} {%- endfor -%}
    {%- endfor -%}
    {{ return(aliases) }}
{% endmacro %}

{#- The type of each column in each CRM that has it: {alias: {crm: type}}. Types that do not go together are an error. -#}
{% macro custom_field_types(object) %}
    {%- set types = {} -%}
    {%- for alias in custom_field_aliases(object) -%} {%- do types.update({alias: {}}) -%} {%- endfor -%}
    {%- for crm in crms() if custom_fields(crm, object) -%}
        {%- set staged = ref('stg_' ~ crm ~ '__' ~ object ~ '_custom_fields') -%}
        {%- for column in (adapter.get_columns_in_relation(staged) if execute and load_relation(staged) is not none else []) if column.name | lower in types -%}
            {%- for other, dtype in types[column.name | lower].items() if type_family(dtype) != type_family(column.data_type) -%}
                {{ exceptions.raise_compiler_error(
                    "the custom field '" ~ column.name | lower ~ "' (" ~ object ~ ') is ' ~ dtype ~ ' in ' ~ other ~ ' and ' ~ column.data_type
                    ~ ' in ' ~ crm ~ ': give one of them another alias in ' ~ other ~ '_passthrough_columns or ' ~ crm ~ '_passthrough_columns'
                ) }}
            {%- endfor -%}
            {%- do types[column.name | lower].update({crm: column.data_type}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(types) }}
{% endmacro %}

{#- Types of which a union loses nothing. -#}
{% macro type_family(data_type) %}
    {%- set name = data_type | lower -%}
    {%- for family, pattern in {
        'text': 'char|text|string', 'number': '^(tiny|small|big|huge|u)*int|numeric|decimal|number|double|float|real', 'boolean': '^bool',
    }.items() if modules.re.search(pattern, name) -%}
        {%- if loop.first -%} {{ return(family) }} {%- endif -%}
    {%- endfor -%}
    {{ return(name) }}
{% endmacro %}

{#- A model of the contract: one row for each of `published`, with the fields of its latest raw row. -#}
{% macro crm_custom_fields(object, published, keys) -%}
{%- set id = custom_field_places()['salesforce'][object].id -%}
{%- set types = custom_field_types(object) -%}
{%- set configured = [] -%}
{%- for crm in crms() if custom_fields(crm, object) -%} {%- do configured.append(crm) -%} {%- endfor -%}
{%- if configured -%}
with landed as (
    {%- for crm in configured %}
    select
        '{{ crm }}' as crm,
        {{ id }},
        last_modified_at,
        loaded_at
        {%- for alias, found in types.items() %},
        {{ alias if crm in found else 'cast(null as ' ~ (found.values() | first or dbt.type_string()) ~ ')' }} as {{ alias }}
        {%- endfor %}
    from {{ ref('stg_' ~ crm ~ '__' ~ object ~ '_custom_fields') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by crm, {{ id }}
            order by last_modified_at desc nulls last, loaded_at desc nulls last
            {%- for alias in types %}, cast({{ alias }} as {{ dbt.type_string() }}) asc{% endfor %}
        ) as recency
    from landed
)

{% endif -%}
select
    {% for key in keys -%}
    published.{{ key }}{{ ',' if not loop.last or types }}
    {% endfor -%}
    {%- for alias in types -%}
    ranked.{{ alias }}{{ ',' if not loop.last }}
    {% endfor -%}
from {{ published }} as published
{%- if configured %}
left join ranked on published.crm = ranked.crm and published.{{ id }} = ranked.{{ id }} and ranked.recency = 1
{%- endif %}
{%- endmacro %}
