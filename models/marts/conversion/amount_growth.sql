{%- set minimum = var('sandbag_minimum_deals') -%}
with entry_stats as (
    select * from {{ ref('int_amounts__entry_stats') }}
),

win_stats as (
    select * from {{ ref('int_amounts__win_stats') }}
),

credibility as (
    select * from {{ ref('int_amounts__credibility') }}
    where ratio_name = 'amount_growth'
),

-- Entry and winning are each measured on the opportunities they happened to in the period.
joined as (
    select
        coalesce(entry_stats.period, win_stats.period) as period,
        coalesce(entry_stats.grain_level, win_stats.grain_level) as grain_level,
        coalesce(entry_stats.segment, win_stats.segment) as segment,
        coalesce(entry_stats.crm, win_stats.crm) as crm,
        coalesce(entry_stats.owner_id, win_stats.owner_id) as owner_id,
        coalesce(entry_stats.created_count, 0) as created_count,
        coalesce(entry_stats.known_count, 0) as known_count,
        coalesce(entry_stats.placeholder_count, 0) as placeholder_count,
        coalesce(entry_stats.round_count, 0) as round_count,
        coalesce(entry_stats.created_amount, 0) as created_amount,
        coalesce(entry_stats.imputed_amount, 0) as imputed_amount,
        entry_stats.usual_amount,
        entry_stats.median_amount,
        entry_stats.median_relative_amount,
        coalesce(win_stats.won_count, 0) as won_count,
        coalesce(win_stats.won_known_count, 0) as won_known_count,
        coalesce(win_stats.bookings, 0) as bookings,
        coalesce(win_stats.growth_count, 0) as growth_count,
        win_stats.growth_ratio,
        win_stats.growth_entry,
        win_stats.growth_residual_squared,
        coalesce(win_stats.won_after_week3_count, 0) as won_after_week3_count,
        coalesce(win_stats.surprise_count, 0) as surprise_count,
        coalesce(win_stats.pulled_in_count, 0) as pulled_in_count
    from entry_stats
    full outer join win_stats
        on
            entry_stats.period = win_stats.period
            and entry_stats.grain_level = win_stats.grain_level
            and entry_stats.segment = win_stats.segment
            and entry_stats.crm = win_stats.crm
            and entry_stats.owner_id = win_stats.owner_id
),

-- Each owner beside the segment, and a segment beside itself.
compared as (
    select
        joined.*,
        case when joined.growth_count > 1 then joined.growth_count / (joined.growth_count - 1.0) end as degrees_factor,
        segments.growth_ratio as segment_growth_ratio,
        case when joined.grain_level = 'segment' then joined.growth_ratio else credibility.shrunk_ratio end as growth_ratio_shrunk,
        case when joined.grain_level = 'owner' then credibility.credibility end as growth_credibility,
        -- Amounts are skewed: the median entry of everybody lies well below the mean. Like is
        -- compared with like, the owner's median with the segment's.
        {{ ratio('joined.median_relative_amount', 'segments.median_relative_amount') }} as entry_to_usual,
        -- rounded, so that nothing lost is 0 in every warehouse
        cast(cast(1 - {{ ratio('joined.created_amount', 'joined.usual_amount') }} as decimal(28, 12)) as {{ type_double() }})
            as count_minus_amount
    from joined
    inner join joined as segments
        on joined.period = segments.period and joined.segment = segments.segment and segments.grain_level = 'segment'
    left join credibility
        on
            joined.period = credibility.period
            and joined.segment = credibility.segment
            and joined.crm = credibility.crm
            and joined.owner_id = credibility.owner_id
),

-- Both halves have their own minimum: entries to call low, and wins to call grown. The tolerance
-- keeps a share on the threshold on the same side in every warehouse.
judged as (
    select
        *,
        known_count >= {{ minimum }}
        and (
            coalesce(count_minus_amount > {{ var('sandbag_count_minus_amount') }} + 1e-9, false)
            or coalesce(entry_to_usual < {{ var('sandbag_entry') }} - 1e-9, false)
        ) as is_entry_low,
        growth_count >= {{ minimum }}
        and coalesce(growth_ratio_shrunk > {{ var('sandbag_growth') }} + 1e-9, false)
        and (grain_level = 'segment' or coalesce(growth_ratio_shrunk > segment_growth_ratio + 1e-9, false)) as is_growth_high
    from compared
)

select
    judged.period,
    judged.grain_level,
    judged.segment,
    nullif(judged.crm, '*') as crm,
    nullif(judged.owner_id, '*') as owner_id,
    judged.created_count,
    cast(judged.created_amount as decimal(28, 2)) as created_amount,
    cast(judged.created_amount + cast(judged.imputed_amount as decimal(28, 2)) as decimal(28, 2)) as implied_amount,
    {{ ratio('judged.created_amount', 'judged.known_count') }} as amount_at_qualification,
    judged.median_amount as median_amount_at_qualification,
    judged.won_count,
    cast(judged.bookings as decimal(28, 2)) as bookings,
    {{ ratio('judged.bookings', 'judged.won_known_count') }} as won_amount,
    judged.growth_count,
    judged.growth_ratio,
    sqrt(judged.growth_residual_squared * judged.degrees_factor) / judged.growth_entry as growth_std_error,
    judged.growth_ratio_shrunk,
    judged.growth_credibility,
    judged.segment_growth_ratio,
    {{ ratio('judged.created_count - judged.known_count', 'judged.created_count') }} as missing_share,
    {{ ratio('judged.created_count - judged.known_count + judged.placeholder_count', 'judged.created_count') }} as placeholder_share,
    {{ ratio('judged.round_count', 'judged.known_count') }} as round_share,
    judged.entry_to_usual,
    judged.count_minus_amount,
    judged.won_after_week3_count,
    {{ ratio('judged.surprise_count', 'judged.won_after_week3_count') }} as surprise_share,
    {{ ratio('judged.pulled_in_count', 'judged.surprise_count') }} as pulled_in_share,
    case when judged.grain_level = 'owner' then judged.is_entry_low end as low_entry_flag,
    judged.is_growth_high as high_growth_flag,
    judged.growth_count < {{ minimum }} as small_n_flag,
    case when judged.grain_level = 'owner' then judged.is_entry_low and judged.is_growth_high end as sandbag_flag,
    case
        when judged.grain_level = 'segment' then null
        when judged.is_entry_low and judged.is_growth_high then 'flagged'
        when judged.is_entry_low and judged.growth_count < {{ minimum }} then 'watch'
        when judged.growth_count < {{ minimum }} then 'too_few'
        else 'ok'
    end as sandbag_verdict,
    as_of.as_of_date
from judged
cross join {{ ref('int_as_of') }} as as_of
