{%- set unit = 'period, grain_level, segment, crm, owner_id' -%}
with grains as (
    select 'owner' as grain_level
    union all
    select 'segment' as grain_level
),

-- Each deal counts twice: for its owner, and for its segment as a whole.
levelled as (
    select
        wins.period,
        grains.grain_level,
        wins.segment,
        case when grains.grain_level = 'owner' then wins.crm else '*' end as crm,
        case when grains.grain_level = 'owner' then wins.owner_id else '*' end as owner_id,
        wins.won_amount,
        wins.is_known,
        wins.is_comparable,
        wins.growth_entry,
        wins.growth_won,
        wins.log_growth,
        wins.is_after_week3,
        wins.is_surprise,
        wins.is_pulled_in
    from {{ ref('int_amounts__wins') }} as wins
    cross join grains
),

-- A ratio of sums: a mean of ratios would let the smallest deals speak loudest.
grown as (
    select
        *,
        {{ ratio('sum(growth_won) over (partition by ' ~ unit ~ ')', 'sum(growth_entry) over (partition by ' ~ unit ~ ')') }}
            as growth_ratio,
        avg(log_growth) over (partition by {{ unit }}) as mean_log_growth
    from levelled
)

select
    {{ unit }},
    cast(count(*) as integer) as won_count,
    cast(sum(is_known) as integer) as won_known_count,
    sum(won_amount) as bookings,
    cast(sum(is_comparable) as integer) as growth_count,
    sum(growth_entry) as growth_entry,
    max(growth_ratio) as growth_ratio,
    sum(power(growth_entry, 2)) as growth_entry_squared,
    -- what is left of each deal's amount once all deals of the row are taken to have grown alike
    coalesce(sum(power(growth_won - growth_ratio * growth_entry, 2)), 0) as growth_residual_squared,
    coalesce(sum(power(log_growth - mean_log_growth, 2)), 0) as log_growth_residual_squared,
    cast(sum(is_after_week3) as integer) as won_after_week3_count,
    cast(sum(is_surprise) as integer) as surprise_count,
    cast(sum(is_pulled_in) as integer) as pulled_in_count
from grown
group by {{ unit }}
