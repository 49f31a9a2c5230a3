{#-
    Qualified opportunities of each month beside what the months around it would lead one to expect:
    the centred twelve-month moving average. Methods: docs/methods/seasonality.md.
-#}
{%- set by_month = 'partition by is_complete, cell_level, ' ~ cell() ~ ' order by fiscal_month' -%}

with all_time as (
    select
        starts_on,
        ends_before
    from {{ ref('int_estimates__windows') }}
    where estimation_window = 'all_time'
),

levels as (
    select cell_levels.*
    from {{ ref('cell_levels') }} as cell_levels
    inner join {{ ref('shrinkage_levels') }} as seasons
        on cell_levels.cell_level = seasons.cell_level and seasons.family = 'season'
),

months as (
    select
        fiscal_month,
        cast({{ dbt.dateadd('month', 1, 'fiscal_month') }} as date) as next_month,
        fiscal_quarter,
        month_number
    from {{ ref('int_calendar') }}
    where date_day = fiscal_month
),

qualified as (
    select
        spells.cell_key,
        cast({{ dbt.date_trunc('month', 'spells.entered_on') }} as date) as fiscal_month,
        min(spells.entered_on) as first_day,
        count(*) as observed_count
    from {{ ref('int_estimates__spells') }} as spells
    inner join all_time on spells.entered_on >= all_time.starts_on and spells.entered_on < all_time.ends_before
    where spells.from_stage = {{ var('qualifying_stage') }} and spells.to_stage = {{ var('won_stage') }}
    group by spells.cell_key, cast({{ dbt.date_trunc('month', 'spells.entered_on') }} as date)
),

levelled as (
    select
        levels.cell_level,
        {{ cell_at_level('cells') }},
        qualified.fiscal_month,
        qualified.first_day,
        qualified.observed_count
    from qualified
    inner join {{ ref('int_cells') }} as cells on qualified.cell_key = cells.cell_key
    cross join levels
),

counted as (
    select
        cell_level,
        {{ cell() }},
        fiscal_month,
        cast(sum(observed_count) as {{ type_double() }}) as observed_count
    from levelled
    group by cell_level, {{ cell() }}, fiscal_month
),

begun as (
    select
        cell_level,
        {{ cell() }},
        min(first_day) as first_day
    from levelled
    group by cell_level, {{ cell() }}
),

-- Every month since the first qualification, those without any included. The month in which the
-- CRM began and the one that is not over yet were seen in part only.
monthly as (
    select
        begun.cell_level,
        {{ cell('begun') }},
        months.fiscal_month,
        months.fiscal_quarter,
        months.month_number,
        begun.first_day <= months.fiscal_month and months.next_month <= all_time.ends_before as is_complete,
        coalesce(counted.observed_count, 0) as observed_count
    from begun
    cross join all_time
    inner join months on begun.first_day < months.next_month and all_time.ends_before > months.fiscal_month
    left join counted
        on
            begun.cell_level = counted.cell_level
            and {{ same_cell('begun', 'counted') }}
            and months.fiscal_month = counted.fiscal_month
),

-- An average over twelve months lies between two of them: of the two around a month, the mean.
averaged as (
    select
        *,
        count(*) over ({{ by_month }} rows between 6 preceding and 6 following) as months_around,
        (
            sum(observed_count) over ({{ by_month }} rows between 6 preceding and 6 following)
            + sum(observed_count) over ({{ by_month }} rows between 5 preceding and 5 following)
        ) / 24 as moving_average
    from monthly
)

select
    cell_level,
    {{ cell() }},
    fiscal_month,
    fiscal_quarter,
    month_number as fiscal_month_of_year,
    is_complete,
    is_complete and months_around = 13 as is_used,
    observed_count,
    case when is_complete and months_around = 13 then moving_average end as expected_count
from averaged
