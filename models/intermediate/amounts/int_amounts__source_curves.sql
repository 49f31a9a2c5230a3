with mixed as (
    select * from {{ ref('int_amounts__source_mix') }}
),

mixed_curves as (
    select
        mixed.period,
        mixed.level_segment,
        mixed.pipeline_source,
        curves.age_days,
        sum(mixed.weight * curves.incidence) as incidence
    from mixed
    inner join {{ ref('int_estimates__curves') }} as curves
        on
            mixed.segment = curves.segment
            and mixed.deal_type = curves.deal_type
            and mixed.pipeline_source = curves.pipeline_source
    where
        curves.cell_level = 'segment_deal_type_source'
        and curves.estimation_window = 'all_time'
        and curves.from_stage = {{ var('qualifying_stage') }}
        and curves.to_stage = {{ var('won_stage') }}
        and curves.age_days <= {{ var('conversion_horizon_days') }}
        and curves.incidence > 0
    group by mixed.period, mixed.level_segment, mixed.pipeline_source, curves.age_days
),

cumulated as (
    select
        *,
        sum(incidence) over (
            partition by period, level_segment, pipeline_source order by age_days
            rows between unbounded preceding and current row
        ) as cumulative_incidence,
        sum(incidence) over (partition by period, level_segment, pipeline_source) as total_incidence
    from mixed_curves
),

-- By this age half of those that win by the horizon have done so.
medians as (
    select
        period,
        level_segment,
        pipeline_source,
        min(age_days) as median_days
    from cumulated
    where cumulative_incidence >= 0.5 * total_incidence - 1e-9
    group by period, level_segment, pipeline_source
),

combined as (
    select
        period,
        level_segment,
        pipeline_source,
        case when sum(weight * rate) > 1 then 1 else sum(weight * rate) end as rate,
        sum(weight * weight * variance) as variance,
        sum(n) as n
    from mixed
    group by period, level_segment, pipeline_source
)

select
    combined.period,
    combined.level_segment as segment,
    combined.pipeline_source,
    combined.rate,
    sqrt(combined.variance) as std_error,
    -- opportunities followed to the end that would leave the rate as uncertain
    case
        when combined.rate > 0 and combined.rate < 1 then combined.rate * (1 - combined.rate) / combined.variance
        else cast(combined.n as {{ type_double() }})
    end as effective_n,
    medians.median_days
from combined
left join medians
    on
        combined.period = medians.period
        and combined.level_segment = medians.level_segment
        and combined.pipeline_source = medians.pipeline_source
