-- A source within a segment is its deal types, each with its share in what was created; over all
-- segments it is its segments and deal types. Its rate and curve are theirs, weighted.
with levels as (
    select 1 as by_segment
    union all
    select 0 as by_segment
),

weights as (
    select
        period,
        segment,
        deal_type,
        pipeline_source,
        cast(count(*) as {{ type_double() }}) as created_count
    from {{ ref('int_amounts__entries') }}
    group by period, segment, deal_type, pipeline_source
),

rates as (
    select
        segment,
        deal_type,
        pipeline_source,
        n,
        rate,
        -- no win, or nothing but wins, is no certainty: half an opportunity of either kind is added
        case
            when std_error > 0 then power(std_error, 2)
            else (rate * n + 0.5) / (n + 1) * (1 - (rate * n + 0.5) / (n + 1)) / nullif(n, 0)
        end as variance
    from {{ ref('int_estimates__rates') }}
    where
        cell_level = 'segment_deal_type_source'
        and estimation_window = 'all_time'
        and from_stage = {{ var('qualifying_stage') }}
        and to_stage = {{ var('won_stage') }}
),

measured as (
    select
        weights.period,
        case when levels.by_segment = 1 then weights.segment else '*' end as level_segment,
        weights.segment,
        weights.deal_type,
        weights.pipeline_source,
        weights.created_count,
        rates.rate,
        rates.variance,
        rates.n
    from weights
    cross join levels
    inner join rates
        on
            weights.segment = rates.segment
            and weights.deal_type = rates.deal_type
            and weights.pipeline_source = rates.pipeline_source
    where rates.variance is not null
)

select
    period,
    level_segment,
    segment,
    deal_type,
    pipeline_source,
    created_count / sum(created_count) over (partition by period, level_segment, pipeline_source) as weight,
    rate,
    variance,
    n
from measured
