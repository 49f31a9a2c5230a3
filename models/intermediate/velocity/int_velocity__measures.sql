{#-
    What came into the qualified pipeline and went out of it in each period, and what was open at its
    end. The days on which periods begin and end cut time into slices: every event lies in one slice
    and every period is whole slices, so that a few sums serve all of them.
-#}
{%- set counts = ['created_count', 'won_count', 'lost_count', 'derailed_count', 'won_known_count', 'lost_known_count'] -%}
{%- set sums = ['won_amount', 'lost_amount', 'won_days', 'lost_days'] -%}
with periods as (
    select * from {{ ref('int_estimates__windows') }}
    where window_kind in ('quarter', 'trailing_year')
),

events as (
    select * from {{ ref('int_velocity__events') }}
),

boundaries as (
    select starts_on as boundary from periods
    union
    select ends_before as boundary from periods
    union
    select {{ calendar_first_day() }} as boundary
),

slices as (
    select
        boundary as starts_on,
        lead(boundary) over (order by boundary) as ends_before
    from boundaries
),

by_slice as (
    select
        events.cell_key,
        {% for event in ['created', 'won', 'lost', 'derailed'] -%}
        sum(case when events.event = '{{ event }}' then 1 else 0 end) as {{ event }}_count,
        {% endfor -%}
        {% for event in ['won', 'lost'] -%}
        sum(case when events.event = '{{ event }}' and events.amount is not null then 1 else 0 end) as {{ event }}_known_count,
        sum(case when events.event = '{{ event }}' and events.amount is not null then events.amount else 0 end) as {{ event }}_amount,
        sum(case when events.event = '{{ event }}' then events.cycle_days else 0 end) as {{ event }}_days,
        {% endfor -%}
        slices.starts_on,
        slices.ends_before
    from events
    inner join slices on events.event_on >= slices.starts_on and events.event_on < slices.ends_before
    group by events.cell_key, slices.starts_on, slices.ends_before
),

summed as (
    select
        periods.estimation_window,
        levels.cell_level,
        {{ cell_at_level('cells') }},
        {% for column in counts + sums -%}
        sum(case when by_slice.starts_on >= periods.starts_on then by_slice.{{ column }} else 0 end) as {{ column }},
        {% endfor -%}
        -- all that ever came less all that ever went
        sum(by_slice.created_count - by_slice.won_count - by_slice.lost_count - by_slice.derailed_count) as open_count
    from by_slice
    inner join periods on by_slice.ends_before <= periods.ends_before
    inner join {{ ref('int_cells') }} as cells on by_slice.cell_key = cells.cell_key
    inner join {{ ref('cell_levels') }} as levels on levels.is_published = 1
    group by
        periods.estimation_window,
        {% for column in cell_columns() -%}
        case when levels.by_{{ column }} = 1 then cells.{{ column }} else '*' end,
        {% endfor -%}
        levels.cell_level
),

-- Wins by how long they took. A win lies in one quarter and at most one trailing year.
wins as (
    select
        periods.estimation_window,
        levels.cell_level,
        {{ cell_at_level('cells') }},
        events.cycle_days,
        count(*) as won_count
    from events
    inner join periods on events.event_on >= periods.starts_on and events.event_on < periods.ends_before
    inner join {{ ref('int_cells') }} as cells on events.cell_key = cells.cell_key
    inner join {{ ref('cell_levels') }} as levels on levels.is_published = 1
    where events.event = 'won'
    group by
        periods.estimation_window, levels.cell_level,
        {% for column in cell_columns() -%}
        case when levels.by_{{ column }} = 1 then cells.{{ column }} else '*' end,
        {% endfor -%}
        events.cycle_days
),

ranked as (
    select
        *,
        sum(won_count) over (
            partition by estimation_window, cell_level, {{ cell() }} order by cycle_days rows between unbounded preceding and current row
        ) as won_by,
        sum(won_count) over (partition by estimation_window, cell_level, {{ cell() }}) as won_in_all
    from wins
),

-- of an even number of wins the middle of the middle two
medians as (
    select
        estimation_window,
        cell_level,
        {{ cell() }},
        (
            min(case when 2 * won_by >= won_in_all then cycle_days end) + min(case when 2 * won_by > won_in_all then cycle_days end)
        ) / 2.0 as median_cycle_days
    from ranked
    group by estimation_window, cell_level, {{ cell() }}
)

select
    summed.estimation_window,
    periods.window_kind as period_kind,
    periods.starts_on,
    periods.ends_before,
    summed.cell_level,
    {{ cell('summed') }},
    cast(summed.open_count as integer) as open_count,
    {% for column in counts -%}
    cast(summed.{{ column }} as integer) as {{ column }},
    {% endfor -%}
    cast(summed.won_amount as decimal(28, 2)) as won_amount,
    cast(summed.lost_amount as decimal(28, 2)) as lost_amount,
    cast(summed.won_days as integer) as won_days,
    cast(summed.lost_days as integer) as lost_days,
    cast(medians.median_cycle_days as {{ type_double() }}) as median_cycle_days
from summed
inner join periods on summed.estimation_window = periods.estimation_window
left join medians
    on
        summed.estimation_window = medians.estimation_window
        and summed.cell_level = medians.cell_level
        and {{ same_cell('summed', 'medians') }}
