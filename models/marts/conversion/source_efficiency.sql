with source_stats as (
    select * from {{ ref('int_amounts__source_stats') }}
),

ratios as (
    select * from {{ ref('int_amounts__credibility') }}
    where ratio_name = 'won_to_entry'
),

joined as (
    select
        sources.*,
        totals.created_count as total_count,
        totals.created_amount as total_amount,
        rates.own_rate,
        rates.effective_n,
        rates.median_days,
        rates.credibility,
        rates.shrunk_rate as win_rate,
        rates.shrunk_std_error as std_error,
        ratios.shrunk_ratio as won_to_entry,
        rates.shrunk_rate * ratios.shrunk_ratio as yield,
        case when sources.costed_count = sources.created_count then {{ ratio('sources.cost', 'sources.created_count') }} end
            as cost_per_opportunity
    from source_stats as sources
    inner join source_stats as totals
        on sources.period = totals.period and sources.segment = totals.segment and totals.pipeline_source = '*'
    left join {{ ref('int_amounts__source_rates') }} as rates
        on
            sources.period = rates.period
            and sources.segment = rates.segment
            and sources.pipeline_source = rates.pipeline_source
    left join ratios
        on
            sources.period = ratios.period
            and sources.segment = ratios.segment
            and sources.pipeline_source = ratios.pipeline_source
    where sources.pipeline_source <> '*'
),

-- Of two that yield the same to nine digits, the one that creates more goes first.
ranked as (
    select
        *,
        case
            when yield is not null
                then row_number() over (
                    partition by period, segment
                    order by
                        case when yield is null then 1 else 0 end, cast(yield as decimal(28, 9)) desc,
                        created_amount desc, created_count desc, pipeline_source asc
                )
        end as position
    from joined
)

select
    ranked.period,
    case when ranked.segment = '*' then 'pipeline_source' else 'segment_pipeline_source' end as grain_level,
    nullif(ranked.segment, '*') as segment,
    ranked.pipeline_source,
    ranked.created_count,
    cast(ranked.created_amount as decimal(28, 2)) as created_amount,
    {{ ratio('ranked.created_count', 'ranked.total_count') }} as share_of_count,
    {{ ratio('ranked.created_amount', 'ranked.total_amount') }} as share_of_amount,
    ranked.own_rate as win_rate_measured,
    ranked.win_rate,
    {{ share_bound('ranked.win_rate', 'ranked.std_error', 'lower') }} as win_rate_lower,
    {{ share_bound('ranked.win_rate', 'ranked.std_error', 'upper') }} as win_rate_upper,
    ranked.effective_n as win_rate_n,
    ranked.credibility as win_rate_credibility,
    cast(ranked.median_days as integer) as median_days_to_win,
    ranked.amount_at_qualification,
    ranked.won_count,
    cast(ranked.bookings as decimal(28, 2)) as bookings,
    ranked.won_amount,
    ranked.own_rate * ranked.won_amount / ranked.amount_at_qualification as yield_measured,
    ranked.won_to_entry,
    ranked.yield,
    ranked.yield * ranked.amount_at_qualification as expected_bookings_per_opportunity,
    ranked.cost_per_opportunity,
    case when ranked.costed_count = ranked.created_count then cast(ranked.cost as decimal(28, 2)) end as cost,
    {{ ratio('ranked.yield * ranked.amount_at_qualification', 'ranked.cost_per_opportunity') }} as bookings_per_cost,
    cast(ranked.position as integer) as rank,
    ranked.created_count < {{ var('minimum_sample') }}
    or coalesce(ranked.effective_n < {{ var('minimum_sample') }} - 1e-9, true)
    or ranked.won_count < {{ var('minimum_events') }} as small_n_flag,
    as_of.as_of_date
from ranked
cross join {{ ref('int_as_of') }} as as_of
