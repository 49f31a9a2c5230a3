{#- Ratios of sums over few deals, each with that of its segment and with its own variance, on the log scale. -#}
with win_stats as (
    select * from {{ ref('int_amounts__win_stats') }}
    where growth_count > 0
),

source_stats as (
    select * from {{ ref('int_amounts__source_stats') }}
),

-- How much the growth of a single deal varies within an owner, pooled by segment.
growth_spread as (
    select
        period,
        segment,
        {{ ratio('sum(log_growth_residual_squared)', 'sum(growth_count) - count(*)') }} as log_variance
    from win_stats
    where grain_level = 'owner'
    group by period, segment
),

-- How much a single amount varies, relative to the mean, at either end.
amount_spread as (
    select
        period,
        segment,
        won_amount / amount_at_qualification as segment_ratio,
        {{ ratio('created_amount_squared - created_amount * amount_at_qualification', 'known_count - 1') }}
        / power(amount_at_qualification, 2) as entry_variance,
        {{ ratio('bookings_squared - bookings * won_amount', 'won_known_count - 1') }} / power(won_amount, 2) as won_variance
    from source_stats
    where pipeline_source = '*'
),

ratios as (
    select
        'amount_growth' as ratio_name,
        owners.period,
        owners.segment,
        owners.crm,
        owners.owner_id,
        '*' as pipeline_source,
        owners.growth_ratio as own_ratio,
        segments.growth_ratio as segment_ratio,
        -- the larger deals weigh more: sum of squares over square of sums is one over their effective number
        growth_spread.log_variance * owners.growth_entry_squared / power(owners.growth_entry, 2) as variance
    from win_stats as owners
    inner join win_stats as segments
        on owners.period = segments.period and owners.segment = segments.segment and segments.grain_level = 'segment'
    inner join growth_spread on owners.period = growth_spread.period and owners.segment = growth_spread.segment
    where owners.grain_level = 'owner'
    union all
    select
        'won_to_entry' as ratio_name,
        sources.period,
        sources.segment,
        '*' as crm,
        '*' as owner_id,
        sources.pipeline_source,
        sources.won_amount / sources.amount_at_qualification as own_ratio,
        amount_spread.segment_ratio,
        amount_spread.entry_variance / nullif(sources.known_count, 0)
        + amount_spread.won_variance / nullif(sources.won_known_count, 0) as variance
    from source_stats as sources
    inner join amount_spread on sources.period = amount_spread.period and sources.segment = amount_spread.segment
    where sources.pipeline_source <> '*'
)

select
    ratio_name,
    period,
    segment,
    crm,
    owner_id,
    pipeline_source,
    own_ratio,
    segment_ratio,
    -- amounts that are all alike tell of chance all the same
    case when own_ratio > 0 then case when variance < 1e-9 then 1e-9 else variance end end as variance
from ratios
