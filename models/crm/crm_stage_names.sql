-- The few names are told from the many rows here, so that nothing else need look at their spelling.
with used as (
    {%- for crm in crms() %}
    {%- for contract_table in ['opportunities', 'opportunity_changes'] %}
    select distinct
        '{{ crm }}' as crm,
        stage_name
    from {{ ref('stg_' ~ crm ~ '__' ~ contract_table) }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {%- if var('snapshot_crms') %}
    union all
    select distinct
        recorded.crm,
        recorded.stage_name
    from (
        {{ recorded_by_snapshot() }}
    ) as recorded
    {%- endif %}
)

select distinct
    crm,
    stage_name,
    {{ spelling_key('stage_name') }} as spelling_key
from used
where stage_name is not null
