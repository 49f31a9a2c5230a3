with measures as (
    select
        *,
        {{ dbt.datediff('starts_on', 'ends_before', 'day') }} as period_days,
        {{ ratio('won_count', 'won_count + lost_count') }} as win_rate,
        {{ ratio('won_amount', 'won_known_count') }} as average_amount,
        {{ ratio('won_days', 'won_count') }} as cycle_days
    from {{ ref('int_velocity__measures') }}
),

durations as (
    select
        *,
        -- slower by more than chance would give in a share drift_alpha of quarters, and by enough to matter
        {{ normal_cdf('slower_z') }} >= 1 - {{ var('drift_alpha') }}
        and mean_days / usual_mean_days >= 1 + {{ var('drift_minimum_effect') }} - 0.000000001 as is_slower
    from {{ ref('int_velocity__durations') }}
)

select
    measures.estimation_window as period,
    measures.period_kind,
    measures.starts_on as period_start,
    cast({{ dbt.dateadd('day', -1, 'measures.ends_before') }} as date) as period_end,
    measures.cell_level,
    {{ published_cell('measures') }},
    measures.open_count,
    measures.created_count,
    measures.won_count,
    measures.lost_count,
    measures.derailed_count,
    measures.won_amount,
    measures.lost_amount,
    measures.win_rate,
    {{ ratio('measures.won_count', 'measures.won_count + measures.lost_count + measures.derailed_count') }} as win_rate_broad,
    {{ ratio('measures.won_amount', 'measures.won_amount + measures.lost_amount') }} as win_rate_by_value,
    measures.average_amount,
    {{ ratio('measures.lost_amount', 'measures.lost_known_count') }} as average_lost_amount,
    measures.cycle_days,
    measures.median_cycle_days,
    {{ ratio('measures.lost_days', 'measures.lost_count') }} as lost_cycle_days,
    measures.lost_days as lost_opportunity_days,
    {{ ratio('measures.open_count * measures.win_rate * measures.average_amount', 'measures.cycle_days') }} as velocity_per_day,
    -- Little's law: what must be created to keep so many open that stay for so long
    {{ ratio('measures.open_count * 365', 'measures.cycle_days') }} as implied_created_per_year,
    {{ ratio('measures.created_count * 365', 'measures.period_days') }} as created_per_year,
    {{ ratio(
        'measures.open_count * measures.period_days', 'measures.cycle_days * measures.created_count'
    ) }} as implied_to_created_ratio,
    durations.p25_days as p25_days_to_win,
    durations.median_days as median_days_to_win,
    durations.p75_days as p75_days_to_win,
    durations.mean_days as mean_days_to_win,
    durations.mean_days_std_error as mean_days_to_win_std_error,
    durations.median_days_to_loss,
    durations.rate as cohort_close_rate,
    {{ share_bound('durations.rate', 'durations.std_error', 'lower') }} as cohort_close_rate_lower,
    {{ share_bound('durations.rate', 'durations.std_error', 'upper') }} as cohort_close_rate_upper,
    durations.n,
    durations.n_advanced as n_won,
    durations.usual_mean_days as usual_days_to_win,
    durations.slower_z,
    durations.is_slower,
    measures.won_count < {{ var('minimum_events') }} or measures.won_count + measures.lost_count < {{ var('minimum_sample') }} as is_small,
    as_of.as_of_date
from measures
cross join {{ ref('int_as_of') }} as as_of
left join durations
    on
        measures.estimation_window = durations.estimation_window
        and measures.cell_level = durations.cell_level
        and {{ same_cell('measures', 'durations') }}
