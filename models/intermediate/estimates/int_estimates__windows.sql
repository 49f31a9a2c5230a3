-- The periods an estimate is made from: [starts_on, ends_before).
with as_of as (
    select
        as_of.as_of_date,
        cast(as_of.known_before as date) as ends_before,
        calendar.quarter_index
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

bounds as (
    select
        ends_before,
        cast({{ dbt.dateadd('month', -3 * (var('lookback_quarters') | int), 'ends_before') }} as date) as lookback_start
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
        cast('{{ var("calendar_first_day") }}' as date) as starts_on,
        ends_before
    from bounds
    union all
    -- the quarters that are over, for the velocity of each
    select distinct
        'quarter' as window_kind,
        calendar.fiscal_quarter as estimation_window,
        calendar.fiscal_quarter_start as starts_on,
        calendar.next_quarter_start as ends_before
    from {{ ref('int_calendar') }} as calendar
    inner join as_of
        on
            calendar.next_quarter_start <= as_of.ends_before
            and calendar.quarter_index >= as_of.quarter_index - {{ var('velocity_quarters') }}
)

select
    window_kind,
    estimation_window,
    -- what came before the history is known by its survivors only
    greatest(starts_on, cast('{{ var("history_starts_on") or var("calendar_first_day") }}' as date)) as starts_on,
    ends_before
from windows
