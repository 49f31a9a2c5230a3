-- The periods an estimate is made from: [starts_on, ends_before).
with as_of as (
    select
        as_of_date,
        cast(known_before as date) as ends_before
    from {{ ref('int_as_of') }}
),

bounds as (
    select
        ends_before,
        cast({{ dbt.dateadd('month', -3 * (var('lookback_quarters') | int), 'ends_before') }} as date) as lookback_start
    from as_of
)

select
    'lookback' as estimation_window,
    lookback_start as starts_on,
    ends_before
from bounds
union all
select
    'prior_year' as estimation_window,
    cast({{ dbt.dateadd('year', -1, 'lookback_start') }} as date) as starts_on,
    cast({{ dbt.dateadd('year', -1, 'ends_before') }} as date) as ends_before
from bounds
union all
select
    'all_time' as estimation_window,
    cast('{{ var("calendar_first_day") }}' as date) as starts_on,
    ends_before
from bounds
