{#-
    The opportunities at risk of being won, as a balance of each month: plus those it began with,
    plus those that came, minus those that left, each from the day after age_days to the end of the
    month. So nothing is written down by opportunity and day.
-#}
{%- set cohort = 'cell_level, ' ~ cell() ~ ', entered_on' -%}

with all_time as (
    select
        starts_on,
        cast({{ dbt.dateadd('day', -1, 'ends_before') }} as date) as last_day
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
    select date_day as fiscal_month
    from {{ ref('int_calendar') }}
    where date_day = fiscal_month
),

-- At risk from the first to the last day, both included, as the curves count it.
watched as (
    select
        spells.cell_key,
        spells.entered_on,
        greatest(spells.entered_on, all_time.starts_on) as first_day,
        least(spells.left_on, all_time.last_day) as last_day,
        case when spells.cause = 1 and spells.left_on <= all_time.last_day then 1 else 0 end as won
    from {{ ref('int_estimates__spells') }} as spells
    inner join all_time on spells.entered_on <= all_time.last_day and spells.left_on >= all_time.starts_on
    where spells.from_stage = {{ var('qualifying_stage') }} and spells.to_stage = {{ var('won_stage') }}
),

-- The one step that costs as many rows as there are opportunities.
moves as (
    select
        cell_key,
        entered_on,
        cast({{ dbt.date_trunc('month', 'first_day') }} as date) as fiscal_month,
        {{ dbt.datediff('entered_on', 'first_day', 'day') }} - 1 as age_days,
        count(*) as balance,
        0 as won
    from watched
    group by cell_key, entered_on, first_day
    union all
    select
        cell_key,
        entered_on,
        cast({{ dbt.date_trunc('month', 'last_day') }} as date) as fiscal_month,
        {{ dbt.datediff('entered_on', 'last_day', 'day') }} as age_days,
        -count(*) as balance,
        sum(won) as won
    from watched
    group by cell_key, entered_on, last_day
),

levelled as (
    select
        levels.cell_level,
        {{ cell_at_level('cells') }},
        moves.entered_on,
        moves.fiscal_month,
        moves.age_days,
        moves.balance,
        moves.won
    from moves
    inner join {{ ref('int_cells') }} as cells on moves.cell_key = cells.cell_key
    cross join levels
),

moved as (
    select
        {{ cohort }},
        fiscal_month,
        age_days,
        sum(balance) as balance,
        sum(won) as won
    from levelled
    group by {{ cohort }}, fiscal_month, age_days
),

-- A cohort is what entered on one day; it lasts until the last of it has left.
cohorts as (
    select
        {{ cohort }},
        min(fiscal_month) as first_month,
        max(fiscal_month) as last_month
    from moved
    group by {{ cohort }}
),

monthly as (
    select
        {{ cohort }},
        fiscal_month,
        sum(balance) as balance
    from moved
    group by {{ cohort }}, fiscal_month
),

carried as (
    select
        {% for column in cohort.split(', ') -%}
        cohorts.{{ column }},
        {% endfor -%}
        months.fiscal_month,
        sum(coalesce(monthly.balance, 0)) over (
            partition by cohorts.cell_level, {{ cell('cohorts') }}, cohorts.entered_on
            order by months.fiscal_month
            rows between unbounded preceding and 1 preceding
        ) as balance
    from cohorts
    inner join months on cohorts.first_month <= months.fiscal_month and cohorts.last_month >= months.fiscal_month
    left join monthly
        on
            cohorts.cell_level = monthly.cell_level
            and {{ same_cell('cohorts', 'monthly') }}
            and cohorts.entered_on = monthly.entered_on
            and months.fiscal_month = monthly.fiscal_month
)

select
    {{ cohort }},
    fiscal_month,
    cast({{ dbt.datediff('entered_on', 'fiscal_month', 'day') }} - 1 as integer) as age_days,
    cast(balance as integer) as balance_count,
    0 as won_count
from carried
where balance > 0
union all
select
    {{ cohort }},
    fiscal_month,
    cast(age_days as integer) as age_days,
    cast(balance as integer) as balance_count,
    cast(won as integer) as won_count
from moved
