-- The day the warehouse speaks for: the one model that decides what "now" is.
with loads as (
    -- where a loader leaves no load time, the latest change stands in for it
    select coalesce(max(loaded_at), max(last_modified_at)) as loaded_at from {{ ref('crm_opportunities') }}
    union all
    select coalesce(max(loaded_at), max(last_modified_at)) as loaded_at from {{ ref('crm_leads') }}
),

latest as (
    select cast(max(loaded_at) as date) as loaded_on
    from loads
),

chosen as (
    select
        {% if var('as_of_date') -%}
            cast('{{ var("as_of_date") }}' as date)
        {%- else -%}
        coalesce(loaded_on, {{ calendar_first_day() }})
        {%- endif %} as as_of_date
    from latest
)

select
    as_of_date,
    -- Everything recorded before this moment is known.
    cast({{ dbt.dateadd('day', 1, 'as_of_date') }} as {{ dbt.type_timestamp() }}) as known_before
from chosen
