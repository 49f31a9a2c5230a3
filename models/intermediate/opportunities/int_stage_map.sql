-- The stage map with open ends closed, and one row for each stage name, pipeline and period; also
-- for names that nobody has mapped but that differ from a mapped one only in their spelling.
with mapped as (
    select
        crm,
        pipeline,
        stage_name,
        cast(stage_number as smallint) as stage_number,
        stage_label,
        cast(coalesce(valid_from, cast('1900-01-01' as date)) as {{ dbt.type_timestamp() }}) as valid_from,
        cast(coalesce(valid_to, cast('2999-12-31' as date)) as {{ dbt.type_timestamp() }}) as valid_to,
        {{ spelling_key('stage_name') }} as spelling_key
    from {{ ref('stage_map') }}
),

-- Where mapped names share a key, the one of the lowest stage speaks for the others.
ranked as (
    select
        crm,
        spelling_key,
        stage_name,
        row_number() over (partition by crm, spelling_key order by stage_number, stage_name) as preference
    from mapped
),

mapped_names as (
    select distinct
        crm,
        stage_name
    from mapped
),

respelled as (
    select
        names.crm,
        names.stage_name,
        ranked.stage_name as mapped_name
    from {{ ref('crm_stage_names') }} as names
    inner join ranked
        on names.crm = ranked.crm and names.spelling_key = ranked.spelling_key and ranked.preference = 1
    left join mapped_names
        on names.crm = mapped_names.crm and names.stage_name = mapped_names.stage_name
    where mapped_names.stage_name is null
)

select
    crm,
    pipeline,
    stage_name,
    stage_number,
    stage_label,
    valid_from,
    valid_to,
    false as is_respelled
from mapped
union all
select
    mapped.crm,
    mapped.pipeline,
    respelled.stage_name,
    mapped.stage_number,
    mapped.stage_label,
    mapped.valid_from,
    mapped.valid_to,
    true as is_respelled
from respelled
inner join mapped on respelled.crm = mapped.crm and respelled.mapped_name = mapped.stage_name
