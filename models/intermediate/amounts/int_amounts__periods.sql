-- The last twelve months, and the twelve before them: [starts_on, ends_before).
with as_of as (
    select cast(known_before as date) as ends_before
    from {{ ref('int_as_of') }}
),

bounds as (
    select
        ends_before,
        cast({{ dbt.dateadd('year', -1, 'ends_before') }} as date) as year_ago,
        cast({{ dbt.dateadd('year', -2, 'ends_before') }} as date) as two_years_ago
    from as_of
)

select
    'trailing_year' as period,
    year_ago as starts_on,
    ends_before
from bounds
union all
select
    'year_before' as period,
    two_years_ago as starts_on,
    year_ago as ends_before
from bounds
