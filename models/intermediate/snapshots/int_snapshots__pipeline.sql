{%- set key = 'cell_key, close_quarter_start, stage_number' -%}
{%- set measures = ['open_count_raw', 'open_amount_raw', 'open_count_real', 'open_amount_real', 'open_squares_real', 'won_amount'] -%}
-- Every state comes in at one snapshot and goes out at another: two numbers, whatever its length.
-- Added up in order they give what stood at each.
with spells as (
    select * from {{ ref('int_snapshots__spells') }}
),

deltas as (
    {% for sign, edge in [('', 'from_number'), ('-', 'to_number')] -%}
    select
        {{ key }},
        {{ edge }} as snapshot_number,
        {{ sign }}1 as open_count_raw,
        {{ sign }}amount as open_amount_raw,
        0 as open_count_real,
        0 as open_amount_real,
        0 as open_squares_real,
        0 as won_amount
    from spells
    union all
    select
        {{ key }},
        real_{{ edge }} as snapshot_number,
        0 as open_count_raw,
        0 as open_amount_raw,
        {{ sign }}1 as open_count_real,
        {{ sign }}amount as open_amount_real,
        {{ sign }}cast(amount as decimal(19, 2)) * amount as open_squares_real,
        0 as won_amount
    from spells
    where real_{{ edge }} is not null
    union all
    select
        cell_key,
        close_quarter_start,
        {{ var('won_stage') }} as stage_number,
        {{ edge }} as snapshot_number,
        0 as open_count_raw,
        0 as open_amount_raw,
        0 as open_count_real,
        0 as open_amount_real,
        0 as open_squares_real,
        {{ sign }}amount as won_amount
    from {{ ref('int_snapshots__bookings') }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

grouped as (
    select
        {{ key }},
        {% for measure in measures -%}
        sum({{ measure }}) as {{ measure }},
        {% endfor -%}
        snapshot_number
    from deltas
    group by {{ key }}, snapshot_number
),

running as (
    select
        {{ key }},
        {% for measure in measures -%}
        sum({{ measure }}) over (partition by {{ key }} order by snapshot_number rows unbounded preceding) as {{ measure }},
        {% endfor -%}
        snapshot_number as from_number,
        lead(snapshot_number) over (partition by {{ key }} order by snapshot_number) as to_number
    from grouped
)

select
    days.snapshot_day,
    running.cell_key,
    running.close_quarter_start,
    cast(running.stage_number as smallint) as stage_number,
    cast(running.open_count_raw as integer) as open_count_raw,
    cast(running.open_amount_raw as decimal(28, 2)) as open_amount_raw,
    cast(running.open_count_real as integer) as open_count_real,
    cast(running.open_amount_real as decimal(28, 2)) as open_amount_real,
    cast(running.open_squares_real as decimal(38, 4)) as open_squares_real,
    cast(running.won_amount as decimal(28, 2)) as won_amount
from running
inner join {{ ref('int_snapshots__days') }} as days
    on
        days.snapshot_number >= running.from_number
        -- what is still open goes out after the last snapshot
        and (running.to_number > days.snapshot_number or running.to_number is null)
where running.open_count_raw > 0 or running.won_amount <> 0
