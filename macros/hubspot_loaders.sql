{#-
    HubSpot as Airbyte and dlt land it, under the names Fivetran would use (var hubspot_loader).
    raw_columns and raw_table ask here; staging models know nothing of it.
-#}

{#- What a column of another loader is called by Fivetran. -#}
{% macro hubspot_renames(table_name) %}
    {%- set renames = {
        'airbyte': {
            'deal': {
                'id': 'deal_id', 'properties_pipeline': 'deal_pipeline_id', 'properties_dealstage': 'deal_pipeline_stage_id',
                'properties_hubspot_owner_id': 'owner_id', 'archived': 'is_deleted',
            },
            'deal_property_history': {'dealid': 'deal_id', 'property': 'name'},
            'company': {'archived': 'is_deleted'},
            'company_property_history': {'companyid': 'company_id', 'property': 'name'},
            'contact': {'archived': '_fivetran_deleted'},
            'contact_property_history': {'vid': 'contact_id', 'property': 'name'},
            'owner': {'id': 'owner_id', 'userid': 'active_user_id'},
            'engagement_call': {'id': 'engagement_id', 'archived': '_fivetran_deleted'},
            'engagement_email': {'id': 'engagement_id', 'archived': '_fivetran_deleted'},
            'engagement_task': {'id': 'engagement_id', 'archived': '_fivetran_deleted'},
            'engagement_meeting': {'id': 'engagement_id', 'archived': '_fivetran_deleted'},
        },
        'dlt': {
            'deal': {
                'id': 'deal_id', 'pipeline': 'deal_pipeline_id', 'dealstage': 'deal_pipeline_stage_id', 'hubspot_owner_id': 'owner_id',
            },
            'deal_property_history': {'object_id': 'deal_id', 'property_name': 'name'},
            'deal_stage': {
                'id': 'deal_id', 'stage': 'value', 'hs_v2_date_enteredx': 'date_entered', 'hs_date_enteredx': 'date_entered',
            },
            'deal_pipeline': {'id': 'pipeline_id'},
            'deal_company': {'value': 'company_id', 'deals_id': 'deal_id'},
            'deal_contact': {'value': 'contact_id', 'deals_id': 'deal_id'},
            'company_property_history': {'object_id': 'company_id', 'property_name': 'name'},
            'contact_property_history': {'object_id': 'contact_id', 'property_name': 'name'},
            'owner': {'id': 'owner_id', 'user_id': 'active_user_id'},
        },
    } -%}
    {{ return(renames.get(var('hubspot_loader'), {}).get(table_name, {})) }}
{% endmacro %}

{#- The names a landed column goes by: a property of an object is property_<name>. -#}
{% macro hubspot_names(table_name, column_name) %}
    {%- set names = [hubspot_renames(table_name).get(column_name, column_name)] -%}
    {%- if var('hubspot_loader') == 'airbyte' and column_name.startswith('properties_') -%}
        {%- do names.append('property_' ~ column_name[11:]) -%}
    {%- elif var('hubspot_loader') == 'dlt' and table_name in ['deal', 'company', 'contact'] -%}
        {%- do names.append('property_' ~ column_name) -%}
    {%- endif -%}
    {{ return(names) }}
{% endmacro %}

{#-
    A table that another loader has as part of others: its SQL and its columns; none where the table
    is landed as it is, or the others are not there.
-#}
{% macro hubspot_made_table(table_name) %}
    {%- set made = {
        'dlt': {
            'deal_pipeline_stage': ['deal_pipeline', 'deal_pipeline_stage'], 'owner_team': ['owner', 'team'],
        },
        'airbyte': {
            'deal': ['deal', 'deal_archived'], 'owner': ['owner', 'owner_archived'], 'deal_pipeline_stage': ['deal_pipeline'],
            'deal_company': ['deal', 'deal_archived'],
            'deal_contact': ['deal', 'deal_archived'], 'team': ['owner'], 'owner_team': ['owner'],
            'engagement_contact': ['engagement_call', 'engagement_email', 'engagement_task', 'engagement_meeting'],
            'engagement_deal': ['engagement_call', 'engagement_email', 'engagement_task', 'engagement_meeting'],
        },
    }.get(var('hubspot_loader'), {}) -%}
    {%- if not execute or table_name not in made -%} {{ return(none) }} {%- endif -%}
    {%- set parts = [] -%}
    {%- for name in made[table_name] if load_relation(source('hubspot', name)) is not none -%}
        {%- do parts.append(source('hubspot', name)) -%}
    {%- endfor -%}
    {%- if not parts or (var('hubspot_loader') == 'dlt' and parts | length < 2) -%} {{ return(none) }} {%- endif -%}
    {%- if var('hubspot_loader') == 'dlt' -%} {{ return(hubspot_made_of_children(table_name, parts)) }} {%- endif -%}
    {%- if table_name in ['deal', 'owner'] -%} {{ return(hubspot_made_of_archives(parts)) }} {%- endif -%}
    {{ return(hubspot_made_of_lists(table_name, parts)) }}
{% endmacro %}

{#- dlt: rows of a nested list lie in a child table and name their parent. -#}
{% macro hubspot_made_of_children(table_name, parts) %}
    {%- set columns = {
        'deal_pipeline_stage': {
            'parent.id': 'pipeline_id', 'child.id': 'stage_id', 'child.label': 'label',
            'child.metadata__is_closed': 'is_closed', 'child.metadata__probability': 'probability',
        },
        'owner_team': {'parent.id': 'owner_id', 'child.id': 'team_id', 'child.' ~ adapter.quote('primary'): 'is_team_primary'},
    }[table_name] -%}
    {%- set sql -%}
        select
            {% for expression, name in columns.items() -%}
            cast({{ expression }} as {{ dbt.type_string() }}) as {{ name }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ parts[0] }} as parent
        inner join {{ parts[1] }} as child on parent._dlt_id = child._dlt_parent_id
    {%- endset -%}
    {{ return({'sql': sql, 'columns': hubspot_text_columns(columns.values())}) }}
{% endmacro %}

{#- Airbyte: what is deleted lies in a stream of its own, with when it was, which the other does not have. -#}
{% macro hubspot_made_of_archives(parts) %}
    {%- set columns = {} -%}
    {%- for part in parts -%}
        {%- for column in adapter.get_columns_in_relation(part) -%} {%- do columns.setdefault(column.name, column) -%} {%- endfor -%}
    {%- endfor -%}
    {%- set sql -%}
        {%- for part in parts %}
        {%- set names = adapter.get_columns_in_relation(part) | map(attribute='name') | list %}
        select
            {% for name, column in columns.items() -%}
            {{ adapter.quote(name) if name in names else 'cast(null as ' ~ column.dtype ~ ') as ' ~ adapter.quote(name) }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ part }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {{ return({'sql': sql, 'columns': columns.values() | list}) }}
{% endmacro %}

{#- Airbyte: what an object is associated with is a list in it, as JSON. -#}
{% macro hubspot_made_of_lists(table_name, parts) %}
    {%- set text = dbt.type_string() -%}
    {%- set lists = {
        'deal_company': ('companies', 'deal_id', 'company_id'), 'deal_contact': ('contacts', 'deal_id', 'contact_id'),
        'engagement_contact': ('contacts', 'engagement_id', 'contact_id'), 'engagement_deal': ('deals', 'engagement_id', 'deal_id'),
    } -%}
    {%- set objects = {
        'deal_pipeline_stage': ('stages', 'pipelineId', 'pipeline_id', {
            'stage_id': ['stageId'], 'label': ['label'], 'is_closed': ['metadata', 'isClosed'], 'probability': ['metadata', 'probability'],
        }),
        'team': ('teams', 'id', 'owner_id', {'id': ['id'], 'name': ['name']}),
        'owner_team': ('teams', 'id', 'owner_id', {'team_id': ['id'], 'is_team_primary': ['primary']}),
    } -%}
    {%- set sql -%}
        {%- for part in parts %}
        {%- if table_name in lists %}
        {%- set list, key, value = lists[table_name] %}
        select
            cast(id as {{ text }}) as {{ key }},
            {{ json_texts_to_rows(list) }} as {{ value }}
        from {{ part }}
        {%- else %}
        {%- set list, id, key, values = objects[table_name] %}
        select
            {{ key }}{% for name, path in values.items() %},
            {{ json_text('item', path) }} as {{ name }}
            {%- endfor %}
        from (
            select
                cast({{ adapter.quote(id) }} as {{ text }}) as {{ key }},
                {{ json_objects_to_rows(list) }} as item
            from {{ part }}
        ) as items
        {%- endif %}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- set names = lists[table_name][1:] | list if table_name in lists else [objects[table_name][2]] + objects[table_name][3].keys() | list -%}
    {{ return({'sql': sql, 'columns': hubspot_text_columns(names)}) }}
{% endmacro %}

{% macro hubspot_text_columns(names) %}
    {%- set columns = [] -%}
    {%- for name in names -%} {%- do columns.append(api.Column(name, 'varchar')) -%} {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}
