{#-
    How many opportunities qualified in the last twelve months and in the twelve before (year), and in
    the later and the earlier half of the last twelve, at the season of the months (half): by what factor a
    year creation grew, and how sure that is. Methods: docs/methods/growth.md.
-#}
{%- set qualified_on = 'cast(qualified.qualified_at as date)' -%}
{%- set counted = "case spans.span when 'half' then seasonal.adjusted_count else seasonal.qualified_count end" -%}
with as_of as (
    select
        as_of.as_of_date,
        cast({{ dbt.dateadd('month', -6, 'as_of.as_of_date') }} as date) as half_year_ago,
        cast({{ dbt.dateadd('year', -1, 'as_of.as_of_date') }} as date) as year_ago,
        cast({{ dbt.dateadd('year', -2, 'as_of.as_of_date') }} as date) as two_years_ago,
        all_time.starts_on
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_estimates__windows') }} as all_time on all_time.estimation_window = 'all_time'
),

spans as (
    select
        'year' as span,
        two_years_ago as starts_after,
        year_ago as later_after,
        as_of_date as ends_on
    from as_of
    union all
    select
        'half' as span,
        year_ago as starts_after,
        half_year_ago as later_after,
        as_of_date as ends_on
    from as_of
),

daily as (
    select
        {{ qualified_on }} as qualified_on,
        attributes.segment,
        count(*) as qualified_count
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on qualified.opportunity_key = attributes.opportunity_key
    group by {{ qualified_on }}, attributes.segment
),

seasons as (
    select * from {{ ref('int_seasonality__indices') }}
    where effect = 'creation'
),

-- Every year has every month once: only halves need the season.
seasonal as (
    select
        daily.*,
        daily.qualified_count / coalesce(nullif(segments.value, 0), nullif(company.value, 0), 1) as adjusted_count
    from daily
    inner join {{ ref('int_calendar') }} as calendar on daily.qualified_on = calendar.date_day
    left join seasons as segments
        on
            segments.cell_level = 'segment'
            and daily.segment = segments.segment
            and calendar.month_number = segments.fiscal_month_of_year
    left join seasons as company
        on company.cell_level = 'company' and calendar.month_number = company.fiscal_month_of_year
),

levelled as (
    select
        levels.cell_level,
        case when levels.by_segment = 1 then seasonal.segment else '*' end as segment,
        spans.span,
        min(seasonal.qualified_on) as first_on,
        cast(sum(case when seasonal.qualified_on > spans.later_after then {{ counted }} else 0 end) as {{ type_double() }}) as later_count,
        cast(sum(
            case when seasonal.qualified_on > spans.starts_after and seasonal.qualified_on <= spans.later_after then {{ counted }} else 0 end
        ) as {{ type_double() }}) as earlier_count
    from seasonal
    cross join spans
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment')
    group by 1, 2, 3
),

measured as (
    select
        levelled.cell_level,
        levelled.segment,
        levelled.span,
        levelled.later_count,
        levelled.earlier_count,
        {{ dbt.datediff('spans.later_after', 'spans.ends_on', 'day') }} as later_days,
        {{ dbt.datediff('spans.starts_after', 'spans.later_after', 'day') }} as earlier_days,
        as_of.two_years_ago >= levelled.first_on and as_of.two_years_ago >= as_of.starts_on as is_long_enough
    from levelled
    inner join spans on levelled.span = spans.span
    cross join as_of
)

-- Half an opportunity more keeps the logarithm of none finite. Growth is from the middle of one part to
-- the middle of the other.
select
    cell_level,
    segment,
    span,
    is_long_enough,
    later_count,
    earlier_count,
    (ln((later_count + 0.5) / (earlier_count + 0.5)) - ln({{ ratio('later_days', 'earlier_days') }}))
    * 730.5 / (later_days + earlier_days) as growth,
    (1 / (later_count + 0.5) + 1 / (earlier_count + 0.5)) * power(730.5 / (later_days + earlier_days), 2) as variance
from measured
