{%- set gaps = source_gaps() -%}
{%- set text = dbt.type_string() -%}

with gaps as (
    {%- for gap in gaps %}
    select
        cast('{{ gap.crm }}' as {{ text }}) as crm,
        cast('{{ gap.raw_table }}' as {{ text }}) as raw_table,
        cast({{ "'" ~ gap.raw_column ~ "'" if gap.raw_column else 'null' }} as {{ text }}) as raw_column,
        {{ 'true' if gap.is_required else 'false' }} as is_required,
        cast('{{ dbt.escape_single_quotes(gap.without_it) }}' as {{ text }}) as without_it
    union all
    {%- endfor %}
    select
        cast(null as {{ text }}) as crm,
        cast(null as {{ text }}) as raw_table,
        cast(null as {{ text }}) as raw_column,
        false as is_required,
        cast(null as {{ text }}) as without_it
    where false
)

select
    gaps.crm,
    gaps.raw_table,
    gaps.raw_column,
    gaps.is_required,
    gaps.without_it,
    as_of.as_of_date
from gaps
cross join {{ ref('int_as_of') }} as as_of
