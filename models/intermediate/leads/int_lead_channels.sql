-- The cell of a lead: it is not yet in a segment, its channel is all that is known of it.
with sources as (
    select
        crm,
        lead_source,
        pipeline_source,
        valid_from,
        valid_to
    from {{ ref('pipeline_source_map') }}
    union all
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        cast(null as {{ dbt.type_string() }}) as lead_source,
        'unmapped' as pipeline_source,
        cast(null as date) as valid_from,
        cast(null as date) as valid_to
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

channels as (
    select
        crm,
        lead_source,
        coalesce(valid_from, cast('1900-01-01' as date)) as valid_from,
        coalesce(valid_to, cast('2999-12-31' as date)) as valid_to,
        '*' as segment,
        '*' as deal_type,
        '*' as territory,
        {{ 'cast(pipeline_source as ' ~ dbt.type_string() ~ ')' if 'pipeline_source' in var('plan_dimensions') else "'all'" }}
            as pipeline_source,
        '*' as custom_dimension
    from sources
)

select
    crm,
    lead_source,
    valid_from,
    valid_to,
    {{ cell() }},
    {{ cell_key(*cell_columns()) }} as cell_key
from channels
