{%- set unit = 'period, grain_level, segment, crm, owner_id' -%}
with grains as (
    select 'owner' as grain_level
    union all
    select 'segment' as grain_level
),

-- Each opportunity counts twice: for its owner, and for its segment as a whole.
levelled as (
    select
        entries.opportunity_key,
        entries.period,
        grains.grain_level,
        entries.segment,
        case when grains.grain_level = 'owner' then entries.crm else '*' end as crm,
        case when grains.grain_level = 'owner' then entries.owner_id else '*' end as owner_id,
        entries.created_amount,
        entries.is_known,
        entries.is_placeholder,
        entries.is_round,
        entries.usual_amount,
        entries.relative_amount
    from {{ ref('int_amounts__entries') }} as entries
    cross join grains
),

-- Known amounts first, in order: the median is the one in the middle, or the two around it.
ordered as (
    select
        *,
        sum(is_known) over (partition by {{ unit }}) as known_count,
        row_number() over (partition by {{ unit }} order by is_known desc, created_amount asc, opportunity_key asc) as amount_position,
        row_number() over (partition by {{ unit }} order by is_known desc, relative_amount asc, opportunity_key asc) as relative_position
    from levelled
)

select
    {{ unit }},
    cast(count(*) as integer) as created_count,
    cast(sum(is_known) as integer) as known_count,
    cast(sum(is_placeholder) as integer) as placeholder_count,
    cast(sum(is_round) as integer) as round_count,
    sum(created_amount) as created_amount,
    -- what the opportunities with an amount would come to at the usual amounts
    sum(is_known * usual_amount) as usual_amount,
    -- and what those without one would
    sum((1 - is_known) * coalesce(usual_amount, 0)) as imputed_amount,
    avg(
        case
            when is_known = 1 and 2 * amount_position between known_count and known_count + 2
                then cast(created_amount as {{ type_double() }})
        end
    ) as median_amount,
    avg(case when is_known = 1 and 2 * relative_position between known_count and known_count + 2 then relative_amount end)
        as median_relative_amount
from ordered
group by {{ unit }}
