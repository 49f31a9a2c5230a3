-- The periods an estimate is made from: [starts_on, ends_before).
with as_of as (
    select cast(known_before as date) as ends_before
    from {{ ref('int_as_of') }}
),

bounds as (
    select
        ends_before,
        cast({{ dbt.dateadd('month', -3 * (var('lookback_quarters') | int), 'ends_before') }} as date) as lookback_start,
        cast({{ dbt.dateadd('month', -3 * (var('velocity_quarters') | int), 'ends_before') }} as date) as velocity_start
    from as_of
),

windows as (
    select
        'planning' as window_kind,
        'lookback' as estimation_window,
        lookback_start as starts_on,
        ends_before
    from bounds
    union all
    select
        'planning' as window_kind,
        'prior_year' as estimation_window,
        cast({{ dbt.dateadd('year', -1, 'lookback_start') }} as date) as starts_on,
        cast({{ dbt.dateadd('year', -1, 'ends_before') }} as date) as ends_before
    from bounds
    union all
    select
        'planning' as window_kind,
        'all_time' as estimation_window,
        {{ calendar_first_day() }} as starts_on,
        ends_before
    from bounds
    union all
    -- for velocity: the twelve months up to the as-of date, and the quarters that are over
    select
        'trailing_year' as window_kind,
        'trailing_year' as estimation_window,
        cast({{ dbt.dateadd('year', -1, 'ends_before') }} as date) as starts_on,
        ends_before
    from bounds
    union all
    select distinct
        'quarter' as window_kind,
        calendar.fiscal_quarter as estimation_window,
        calendar.fiscal_quarter_start as starts_on,
        calendar.next_quarter_start as ends_before
    from {{ ref('int_calendar') }} as calendar
    inner join bounds
        on calendar.next_quarter_start <= bounds.ends_before and calendar.next_quarter_start > bounds.velocity_start
),

cut as (
    select
        window_kind,
        estimation_window,
        -- what came before the history is known by its survivors only
        greatest(starts_on, cast('{{ var("history_starts_on") or var("calendar_first_day") }}' as date)) as starts_on,
        ends_before
    from windows
)

select
    window_kind,
    estimation_window,
    starts_on,
    ends_before
from cut
-- a window that was over when the history began has seen nothing
where starts_on < ends_before
