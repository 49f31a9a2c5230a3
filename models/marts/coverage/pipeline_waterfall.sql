{%- set entering = ['created', 'moved_in', 'reopened', 'requalified'] -%}
{%- set leaving = ['moved_out', 'won', 'lost', 'derailed', 'deleted', 'regressed'] -%}
{%- set key = 'close_quarter_start, cell_key' -%}
with movements as (
    select * from {{ ref('int_snapshots__movements') }}
),

weekly as (
    select
        week_start,
        {{ key }},
        {% for movement in entering + ['increased'] -%}
        sum(case when movement = '{{ movement }}' then amount_change else 0 end) as {{ movement }},
        {% endfor -%}
        {% for movement in leaving + ['decreased'] -%}
        sum(case when movement = '{{ movement }}' then -amount_change else 0 end) as {{ movement }},
        {% endfor -%}
        sum(case when count_change > 0 then count_change else 0 end) as entered_count,
        sum(case when count_change < 0 then -count_change else 0 end) as left_count,
        sum(count_change) as count_change,
        sum(amount_change) as amount_change
    from movements
    group by week_start, {{ key }}
),

running as (
    select
        *,
        sum(amount_change) over (partition by {{ key }} order by week_start rows unbounded preceding) as closing,
        sum(count_change) over (partition by {{ key }} order by week_start rows unbounded preceding) as closing_count,
        lead(week_start) over (partition by {{ key }} order by week_start) as next_week_start
    from weekly
),

weeks as (
    select distinct
        week_start,
        fiscal_quarter
    from {{ ref('int_snapshots__days') }}
),

close_quarters as (
    select distinct
        fiscal_quarter_start,
        fiscal_quarter
    from {{ ref('int_calendar') }}
),

-- A week in which nothing moved still has what is open.
every_week as (
    select
        weeks.week_start,
        weeks.fiscal_quarter,
        running.close_quarter_start,
        running.cell_key,
        {% for movement in entering + leaving + ['increased', 'decreased', 'entered_count', 'left_count', 'count_change', 'amount_change'] -%}
        case when weeks.week_start = running.week_start then running.{{ movement }} else 0 end as {{ movement }},
        {% endfor -%}
        running.closing,
        running.closing_count
    from running
    inner join weeks
        on
            running.week_start <= weeks.week_start
            and (running.next_week_start > weeks.week_start or running.next_week_start is null)
    where weeks.week_start = running.week_start or running.closing_count > 0
)

select
    every_week.week_start,
    every_week.fiscal_quarter,
    coalesce(close_quarters.fiscal_quarter, 'undated') as close_quarter,
    every_week.close_quarter_start,
    {{ cell('cells') }},
    cast(every_week.closing - every_week.amount_change as decimal(28, 2)) as opening,
    {% for movement in entering + ['increased', 'decreased'] + leaving + ['closing'] -%}
    cast(every_week.{{ movement }} as decimal(28, 2)) as {{ movement }},
    {% endfor -%}
    cast(every_week.closing_count - every_week.count_change as integer) as opening_count,
    cast(every_week.entered_count as integer) as entered_count,
    cast(every_week.left_count as integer) as left_count,
    cast(every_week.closing_count as integer) as closing_count,
    as_of.as_of_date
from every_week
inner join {{ ref('int_cells') }} as cells on every_week.cell_key = cells.cell_key
cross join {{ ref('int_as_of') }} as as_of
left join close_quarters on every_week.close_quarter_start = close_quarters.fiscal_quarter_start
