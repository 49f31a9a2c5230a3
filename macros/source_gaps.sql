{#-
    What the staging models would read and the raw tables do not have, from the descriptions of the
    sources: a list of {crm, raw_table, raw_column (none: the whole table), is_required, without_it}. A build
    prints it.
-#}
{% macro source_gaps() %}
    {%- set gaps = [] -%}
    {%- for source in (graph.sources.values() | sort(attribute='unique_id') if execute else []) if source.source_name in crms() -%}
        {%- set found = raw_columns(source.source_name, source.name) -%}
        {%- set gap = {'crm': source.source_name, 'raw_table': source.name} -%}
        {#- a table that only one loader lands is no gap of another -#}
        {%- set only_by = source.config.meta.get('only_by') -%}
        {#- nor is one that another stands in for, where that is there -#}
        {%- set instead = source.config.meta.get('instead') -%}
        {%- if not found and only_by and only_by != var(source.source_name ~ '_loader', 'fivetran') -%}
        {%- elif not found and instead and raw_columns(source.source_name, instead) -%}
        {%- elif not found -%}
            {%- do gaps.append(dict(gap, raw_column=none, is_required=source.config.meta.get('required', false),
                without_it=source.config.meta.get('without_it', 'nothing can be built'))) -%}
        {%- else -%}
            {%- for column in source.columns.values() -%}
                {%- set meta = column.config.meta -%}
                {%- if raw_column(column.name | lower, found) is none and (meta.get('required') or meta.get('without_it')) -%}
                    {%- do gaps.append(dict(gap, raw_column=column.name, is_required=meta.get('required', false),
                        without_it=meta.get('without_it', 'no row of the table can be used'))) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for crm in crms() if execute -%}
        {%- for object, place in custom_field_places().get(crm, {}).items() if custom_fields(crm, object) -%}
            {%- set found = raw_columns(crm, place.table) -%}
            {%- set listed = gaps | selectattr('crm', 'equalto', crm) | selectattr('raw_table', 'equalto', place.table) | map(attribute='raw_column') | list -%}
            {%- for field in custom_fields(crm, object) if found and field.name not in listed and raw_custom_column(crm, field, found) is none -%}
                {%- do gaps.append({'crm': crm, 'raw_table': place.table, 'raw_column': field.name, 'is_required': false,
                    'without_it': 'the custom field ' ~ field.alias ~ ' is null'}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for gap in gaps if flags.WHICH in ['build', 'run'] -%}
        {%- do log(gap.crm ~ '.' ~ gap.raw_table ~ ('.' ~ gap.raw_column if gap.raw_column else '') ~ ' is absent: ' ~ gap.without_it, info=true) -%}
    {%- endfor -%}
    {{ return(gaps) }}
{% endmacro %}
