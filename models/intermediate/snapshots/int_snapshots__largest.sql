{#- 2 to the power of doublings is more than the snapshots of three quarters, with every option on. -#}
{%- set doublings = 6 -%}
{%- set key = 'cell_key, close_quarter_start' -%}
-- A maximum does not add up from changes. But a stretch of snapshots is covered by two overlapping
-- blocks whose length is a power of two, and the largest of a block is the largest of its halves or
-- larger: two rows a spell, then halving block by block down to single snapshots.
with first_numbers as (
    select
        quarter_index,
        min(snapshot_number) as first_number
    from {{ ref('int_snapshots__days') }}
    group by quarter_index
),

bounds as (
    select min(quarter_index) as first_quarter from first_numbers
),

-- Coverage speaks of a quarter from the second quarter before it on.
close_quarters as (
    select distinct
        calendar.fiscal_quarter_start,
        first_numbers.first_number
    from {{ ref('int_calendar') }} as calendar
    cross join bounds
    inner join first_numbers on greatest(calendar.quarter_index - 2, bounds.first_quarter) = first_numbers.quarter_index
),

stretches as (
    select
        spells.cell_key,
        spells.close_quarter_start,
        spells.amount,
        spells.real_to_number as to_number,
        greatest(spells.real_from_number, close_quarters.first_number) as from_number,
        spells.real_to_number - greatest(spells.real_from_number, close_quarters.first_number) as length
    from {{ ref('int_snapshots__spells') }} as spells
    inner join close_quarters on spells.close_quarter_start = close_quarters.fiscal_quarter_start
    where spells.real_to_number > close_quarters.first_number
),

sized as (
    select
        *,
        case
            {% for power in range(doublings - 1, 0, -1) -%}
            when length >= {{ 2 ** power }} then {{ 2 ** power }}
            {% endfor -%}
            else 1
        end as block
    from stretches
),

blocks as (
    select
        {{ key }},
        block,
        from_number as first_number,
        max(amount) as amount
    from sized
    group by {{ key }}, block, from_number
    union all
    select
        {{ key }},
        block,
        to_number - block as first_number,
        max(amount) as amount
    from sized
    group by {{ key }}, block, to_number
),

{% for power in range(doublings - 1, -1, -1) -%}
{%- set block = 2 ** power -%}
candidates_of_{{ block }} as (
    select
        {{ key }},
        first_number,
        amount
    from blocks
    where block = {{ block }}
    {% if not loop.first -%}
    union all
    select
        {{ key }},
        first_number,
        amount
    from blocks_of_{{ block * 2 }}
    union all
    select
        {{ key }},
        first_number + {{ block }} as first_number,
        amount
    from blocks_of_{{ block * 2 }}
    {% endif -%}
),

blocks_of_{{ block }} as (
    select
        {{ key }},
        first_number,
        max(amount) as amount
    from candidates_of_{{ block }}
    group by {{ key }}, first_number
){{ ',' if not loop.last }}

{% endfor -%}
select
    days.snapshot_day,
    largest.cell_key,
    largest.close_quarter_start,
    largest.amount as largest_amount
from blocks_of_1 as largest
inner join {{ ref('int_snapshots__days') }} as days on largest.first_number = days.snapshot_number
