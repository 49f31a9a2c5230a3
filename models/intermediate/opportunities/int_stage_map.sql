-- The stage map with open ends closed, and one row for each stage name, pipeline and period.
select
    crm,
    pipeline,
    stage_name,
    cast(stage_number as smallint) as stage_number,
    stage_label,
    cast(coalesce(valid_from, cast('1900-01-01' as date)) as {{ dbt.type_timestamp() }}) as valid_from,
    cast(coalesce(valid_to, cast('2999-12-31' as date)) as {{ dbt.type_timestamp() }}) as valid_to
from {{ ref('stage_map') }}
