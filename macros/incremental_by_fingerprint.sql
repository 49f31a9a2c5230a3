{#-
    Tables that a daily run brings up to date key by key. A fingerprint is a number made of everything
    that a row depends on; a key whose fingerprints do not add up to what the table holds is made anew,
    all its rows, and no other key is touched. So late, corrected, deleted and hard-deleted raw rows,
    a new stage map, a new rate of exchange and another as-of date are all caught, whatever load time
    the rows bear, and a run that was killed is made good by the next.

        {{ config(materialized='incremental', incremental_strategy='by_fingerprint', unique_key='x_key') }}
        with rows_now as (select x_key, ..., {{ fingerprint('x') }} as fingerprint from {{ ref('x') }} as x)
        select x_key, ..., fingerprint
        from {{ only_changed('rows_now', 'x_key') }}

    Where several rows make one, as with copies of a raw row, the one bears the sum of their fingerprints:
    latest_of_changed.
-#}

{#-
    A 48-bit number, so that sums stay integers, from a whole row of a relation, given by its alias, and
    from the text of the model: change the model and every row is made anew. `also` lists what the text
    does not show: vars, and macros as they render.
-#}
{% macro fingerprint(row, also=[]) -%}
    {%- set of_the_model = local_md5([model.raw_code, also] | join('|')) -%}
    {{ return(adapter.dispatch('fingerprint', 'unified_pipeline')(row, "'" ~ of_the_model ~ "'")) }}
{%- endmacro %}
{% macro default__fingerprint(row, text) -%} bitand(hash({{ row }}.*, {{ text }}), 281474976710655) {%- endmacro %}
{% macro duckdb__fingerprint(row, text) -%} cast(hash({{ row }}, {{ text }}) >> 16 as bigint) {%- endmacro %}
{% macro postgres__fingerprint(row, text) -%} (hashtextextended(cast({{ row }} as text) || {{ text }}, 0) & 281474976710655) {%- endmacro %}

{#-
    What to select from: all rows of a CTE in a full build, in an incremental run those of the keys that
    changed. A key that is gone comes as one row of nulls, which tells the strategy to delete it. Of a table
    that was built before it had fingerprints, every key is made anew.
-#}
{% macro only_changed(rows_now, key) -%}
    {%- if not is_incremental() -%} {{ rows_now }}
    {%- else -%}
    {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='name') | map('lower') | list -%}
    (
        select {{ key }}
        from (
            select {{ key }}, fingerprint from {{ rows_now }}
            union all
            select {{ key }}, {{ '-fingerprint' if 'fingerprint' in columns else '-1' }} as fingerprint from {{ this }}
        ) as now_and_before
        group by {{ key }}
        having sum(fingerprint) <> 0
    ) as changed_keys
    left join {{ rows_now }} using ({{ key }})
    {%- endif -%}
{%- endmacro %}

{#-
    The latest copy of each changed row of the CTE `rows_now`, as CTEs that end with `deduplicated`. It bears the
    sum of its copies' fingerprints and says how many it supersedes. Only the few keys that came more than
    once are sorted. What may be null is ordered with `nulls last`, for warehouses differ.
-#}
{% macro latest_of_changed(rows_now, key, latest_first, also=[]) -%}
{%- set deduplicated -%}
duplicated as (
    select
        {{ key }},
        count(*) - 1 as superseded_row_count,
        sum(fingerprint) as fingerprint_sum
    from changed
    group by {{ key }}
    having count(*) > 1
),

ranked as (
    select
        changed.*,
        duplicated.superseded_row_count,
        duplicated.fingerprint_sum,
        row_number() over (
            partition by changed.{{ key }}
            order by changed.{{ (latest_first + ['fingerprint asc']) | join(', changed.') }}
        ) as recency
    from changed
    inner join duplicated on changed.{{ key }} = duplicated.{{ key }}
),

deduplicated as (
    select
        changed.*,
        0 as superseded_row_count,
        changed.fingerprint as fingerprint_sum,
        1 as recency
    from changed
    left join duplicated on changed.{{ key }} = duplicated.{{ key }}
    where duplicated.{{ key }} is null
    union all
    select * from ranked
    where recency = 1
)
{%- endset -%}
landed as (
    select
        {{ rows_now }}.*,
        {{ fingerprint(rows_now, also + [deduplicated]) }} as fingerprint
    from {{ rows_now }}
),

changed as (
    select * from {{ only_changed('landed', key) }}
),

{{ deduplicated }}
{%- endmacro %}

{#- The incremental strategy: in one transaction the old rows of the keys go and the new ones come. -#}
{% macro get_incremental_by_fingerprint_sql(arg_dict) %}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set key = arg_dict['unique_key'] -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ key }} in (select {{ key }} from {{ arg_dict['temp_relation'] }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}
    where fingerprint is not null
{% endmacro %}
