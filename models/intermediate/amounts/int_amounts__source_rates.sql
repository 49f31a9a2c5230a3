{#-
    Beta-binomial credibility: the cohort close rate of a source is drawn towards that of its segment,
    the more so the less its sources differ by more than chance. The correlation within a source is
    Kleinman's moment estimate, pooled over segments (over the rows of all segments apart).
    Methods: docs/methods/amounts.md.
-#}
{%- set pool = 'period, is_all_segments' -%}
with sources as (
    select
        *,
        case when segment = '*' then 1 else 0 end as is_all_segments,
        effective_n / sum(effective_n) over (partition by period, segment) as weight,
        sum(rate * effective_n) over (partition by period, segment) / sum(effective_n) over (partition by period, segment)
            as segment_rate
    from {{ ref('int_amounts__source_curves') }}
),

segments as (
    select
        {{ pool }},
        segment,
        segment_rate,
        case when segment_rate < 1 then segment_rate * (1 - segment_rate) else 0 end as variance_of_one,
        sum(effective_n) as segment_n,
        sum(weight * power(rate - segment_rate, 2)) as spread,
        sum(weight * (1 - weight)) as between_factor,
        sum(weight * (1 - weight) / effective_n) as chance_factor,
        sum(weight * weight) as squared_weight,
        sum(weight * weight / effective_n) as squared_weight_by_n
    from sources
    group by {{ pool }}, segment, segment_rate
),

pooled as (
    select
        {{ pool }},
        {{ ratio(
            'sum(segment_n * (spread - variance_of_one * chance_factor))',
            'sum(segment_n * variance_of_one * (between_factor - chance_factor))'
        ) }} as moment_estimate
    from segments
    group by {{ pool }}
),

correlated as (
    select
        segments.*,
        case
            when pooled.moment_estimate > 0.999 then 0.999
            when pooled.moment_estimate > 0.001 then pooled.moment_estimate
            else 0.001
        end as correlation
    from segments
    inner join pooled on segments.period = pooled.period and segments.is_all_segments = pooled.is_all_segments
),

shrunk as (
    select
        sources.*,
        correlated.correlation,
        1 / correlated.correlation - 1 as prior_n,
        correlated.variance_of_one
        * (correlated.correlation * correlated.squared_weight + (1 - correlated.correlation) * correlated.squared_weight_by_n)
            as prior_variance,
        (sources.rate * sources.effective_n + sources.segment_rate * (1 / correlated.correlation - 1))
        / (sources.effective_n + 1 / correlated.correlation - 1) as weighted_rate
    from sources
    inner join correlated on sources.period = correlated.period and sources.segment = correlated.segment
),

-- sums of floating point numbers may end a hair beside nothing or everything
snapped as (
    select
        *,
        case when weighted_rate < 1e-12 then 0 when weighted_rate > 1 - 1e-12 then 1 else weighted_rate end as shrunk_rate
    from shrunk
)

select
    period,
    segment,
    pipeline_source,
    rate as own_rate,
    std_error as own_std_error,
    effective_n,
    median_days,
    segment_rate,
    correlation,
    effective_n / (effective_n + prior_n) as credibility,
    shrunk_rate,
    -- of the rate itself, and of what it is drawn to
    sqrt(
        shrunk_rate * (1 - shrunk_rate) / (effective_n + prior_n + 1)
        + power(prior_n / (effective_n + prior_n), 2) * prior_variance
    ) as shrunk_std_error
from snapped
