-- A mapping that overlaps another, or a segment that shares employees with another, would count
-- an opportunity twice.
select
    'stage_map' as seed,
    earlier.crm || ' / ' || earlier.pipeline || ' / ' || earlier.stage_name as mapped_value
from {{ ref('int_stage_map') }} as earlier
inner join {{ ref('int_stage_map') }} as later
    on
        earlier.crm = later.crm
        and earlier.pipeline = later.pipeline
        and earlier.stage_name = later.stage_name
        and earlier.valid_from < later.valid_from
        and earlier.valid_to > later.valid_from

union all

select
    'pipeline_source_map' as seed,
    earlier.crm || ' / ' || earlier.lead_source as mapped_value
from {{ ref('pipeline_source_map') }} as earlier
inner join {{ ref('pipeline_source_map') }} as later
    on
        earlier.crm = later.crm
        and earlier.lead_source = later.lead_source
        and coalesce(earlier.valid_from, cast('1900-01-01' as date)) < coalesce(later.valid_from, cast('1900-01-01' as date))
        and coalesce(earlier.valid_to, cast('2999-12-31' as date)) > coalesce(later.valid_from, cast('1900-01-01' as date))

union all

select
    'segment_rules' as seed,
    smaller.segment || ' / ' || larger.segment as mapped_value
from {{ ref('segment_rules') }} as smaller
inner join {{ ref('segment_rules') }} as larger
    on
        smaller.segment <> larger.segment
        and smaller.min_employees <= larger.min_employees
        and coalesce(smaller.max_employees, 2147483647) >= larger.min_employees
