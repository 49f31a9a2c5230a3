{#-
    Normal-normal credibility on the log scale: a ratio of few deals is drawn towards that of its
    segment, the more so the less the ratios differ by more than chance. The variance between them
    is the moment estimate of DerSimonian and Laird, pooled over segments (over the rows of all
    segments apart). Methods: docs/methods/amounts.md.
-#}
{%- set pool = 'ratio_name, period, is_all_segments' -%}
with weighted as (
    select
        *,
        case when segment = '*' then 1 else 0 end as is_all_segments,
        1 / variance as weight
    from {{ ref('int_amounts__ratios') }}
),

centred as (
    select
        *,
        sum(weight) over (partition by {{ pool }}, segment) as segment_weight,
        sum(weight * ln(own_ratio)) over (partition by {{ pool }}, segment) / sum(weight) over (partition by {{ pool }}, segment)
            as segment_mean
    from weighted
    where weight is not null
),

pooled as (
    select
        {{ pool }},
        {{ ratio(
            'sum(weight * power(ln(own_ratio) - segment_mean, 2)) - (count(*) - count(distinct segment))',
            'sum(weight - weight * weight / segment_weight)'
        ) }} as moment_estimate
    from centred
    group by {{ pool }}
),

believed as (
    select
        weighted.*,
        case when pooled.moment_estimate > 0 then pooled.moment_estimate else 0 end as between_variance
    from weighted
    left join pooled
        on
            weighted.ratio_name = pooled.ratio_name
            and weighted.period = pooled.period
            and weighted.is_all_segments = pooled.is_all_segments
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
    variance,
    between_variance,
    -- a ratio without deals, or without a spread to judge it by, is not believed at all
    coalesce(between_variance / (between_variance + variance), 0) as credibility,
    exp(
        ln(segment_ratio) + coalesce(between_variance / (between_variance + variance) * (ln(own_ratio) - ln(segment_ratio)), 0)
    ) as shrunk_ratio
from believed
