{#-
    What each driver is worth, one at a time, with creation going on as it does. Win rate and amount move
    what open opportunities and creation bring, volume what creation brings, each in proportion. A cycle
    that is shorter brings the same wins earlier: those of creation by its kernel, those expected of open
    opportunities in a month within as many days the fewer.
-#}
{%- set change = var('sensitivity_change') -%}
{%- set next_month = dbt.dateadd('month', 1, 'calendar.date_day') -%}
with outlook as (
    select *
    from {{ ref('bookings_outlook') }}
    where creation_basis = 'as_it_goes'
),

-- Days from the as-of date to the beginning and the end of each month and quarter still to come.
days as (
    select
        calendar.date_day as fiscal_month,
        calendar.fiscal_quarter,
        as_of.as_of_date,
        greatest({{ dbt.datediff('as_of.as_of_date', 'calendar.date_day', 'day') }} - 1, 0) as month_begins,
        {{ dbt.datediff('as_of.as_of_date', next_month, 'day') }} - 1 as month_ends,
        greatest({{ dbt.datediff('as_of.as_of_date', 'calendar.fiscal_quarter_start', 'day') }} - 1, 0) as quarter_begins,
        {{ dbt.datediff('as_of.as_of_date', 'calendar.next_quarter_start', 'day') }} - 1 as quarter_ends
    from {{ ref('int_calendar') }} as calendar
    cross join {{ ref('int_as_of') }} as as_of
    where calendar.date_day = calendar.fiscal_month
),

quarters as (
    select distinct
        fiscal_quarter,
        quarter_begins,
        quarter_ends
    from days
    where quarter_ends > 0
),

changes as (
    select cast({{ -change }} as {{ type_double() }}) as change
    union all
    select cast({{ change }} as {{ type_double() }}) as change
),

open_moved as (
    select
        changes.change,
        quarters.fiscal_quarter,
        standing.segment,
        cast(standing.open_expected_amount as {{ type_double() }})
        * greatest(
            least(days.month_ends * (1 + changes.change), quarters.quarter_ends)
            - greatest(days.month_begins * (1 + changes.change), quarters.quarter_begins),
            0
        ) / ((days.month_ends - days.month_begins) * (1 + changes.change))
        - case when days.fiscal_quarter = quarters.fiscal_quarter then standing.open_expected_amount else 0 end as amount
    from {{ ref('int_outlook__standing') }} as standing
    inner join days on standing.fiscal_month = days.fiscal_month and days.month_ends > 0
    cross join quarters
    cross join changes
    where standing.open_expected_amount > 0
),

creation_moved as (
    select
        changes.change,
        yields.fiscal_quarter,
        creation.segment,
        creation.creation_count * yields.bookings_per_opportunity
        * case when yields.cycle_change = 0 then -1 else 1 end as amount
    from {{ ref('int_outlook__creation_to_come') }} as creation
    inner join {{ ref('creation_yield') }} as yields
        on creation.fiscal_month = yields.fiscal_month and {{ same_cell('creation', 'yields') }}
    inner join changes on yields.cycle_change in (changes.change, 0)
    where creation.creation_basis = 'as_it_goes'
),

moved as (
    select * from open_moved
    union all
    select * from creation_moved
),

cycles as (
    select
        moved.fiscal_quarter,
        moved.change,
        levels.cell_level,
        case when levels.by_segment = 1 then moved.segment end as segment,
        sum(moved.amount) as effect
    from moved
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment')
    group by 1, 2, 3, 4
),

effects as (
    {% for driver in ['win_rate', 'won_amount', 'creation', 'cycle'] -%}
    select
        outlook.fiscal_quarter,
        outlook.fiscal_quarter_start,
        outlook.cell_level,
        outlook.segment,
        '{{ driver }}' as driver,
        changes.change,
        {% if driver == 'cycle' -%}
        coalesce(cycles.effect, 0)
        {%- else -%}
        changes.change
        * cast(outlook.creation_expected_amount {{ '+ outlook.open_expected_amount' if driver != 'creation' }} as {{ type_double() }})
        {%- endif %} as effect,
        {{ '1 / (1 + changes.change) - 1' if driver == 'cycle' else 'changes.change' }} as steady_state_effect,
        outlook.expected,
        outlook.as_of_date
    from outlook
    cross join changes
    {% if driver == 'cycle' -%}
    left join cycles
        on
            outlook.fiscal_quarter = cycles.fiscal_quarter
            and outlook.cell_level = cycles.cell_level
            and outlook.segment is not distinct from cycles.segment
            and changes.change = cycles.change
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    fiscal_quarter,
    fiscal_quarter_start,
    cell_level,
    segment,
    driver,
    change,
    cast(effect as decimal(28, 2)) as bookings_effect,
    {{ ratio('cast(effect as decimal(28, 2))', 'expected') }} as relative_effect,
    steady_state_effect,
    as_of_date
from effects
