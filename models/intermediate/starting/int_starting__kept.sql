{%- set key = 'quarter_index, cell_key, part' -%}
-- What each quarter started with, and where those opportunities stood at the snapshots of the two
-- quarters before: each enters and leaves a part with the amount it was to start with.
with quarters as (
    select
        quarter_index,
        min(fiscal_quarter_start) as fiscal_quarter_start,
        min(snapshot_number) as first_number,
        min(case when is_quarter_start then snapshot_number end) as start_number
    from {{ ref('int_snapshots__days') }}
    group by quarter_index
),

started as (
    select
        quarters.quarter_index,
        quarters.start_number,
        coalesce(two_before.first_number, 1) as first_number,
        spells.opportunity_key,
        spells.cell_key,
        spells.amount
    from {{ ref('int_snapshots__spells') }} as spells
    inner join quarters
        on
            spells.close_quarter_start = quarters.fiscal_quarter_start
            and spells.real_from_number <= quarters.start_number
            and spells.real_to_number > quarters.start_number
    left join quarters as two_before on quarters.quarter_index - 2 = two_before.quarter_index
),

-- Their states in the half year before, cut to it.
earlier as (
    select
        started.quarter_index,
        started.cell_key,
        started.amount,
        calendar.quarter_index - started.quarter_index as close_offset,
        greatest(spells.from_number, started.first_number) as from_number,
        least(spells.to_number, started.start_number) as to_number,
        case when spells.real_from_number is not null then greatest(spells.real_from_number, started.first_number) end as real_from_number,
        case when spells.real_to_number is not null then least(spells.real_to_number, started.start_number) end as real_to_number
    from started
    inner join {{ ref('int_snapshots__spells') }} as spells
        on
            started.opportunity_key = spells.opportunity_key
            and started.start_number > spells.from_number
            and started.first_number < spells.to_number
    left join {{ ref('int_calendar') }} as calendar on spells.close_date = calendar.date_day
),

-- In the part that is not real for as long as it is open, less as long as it is real.
deltas as (
    {% for sign, opposite, edge in [('', '-', 'from_number'), ('-', '', 'to_number')] -%}
    select
        quarter_index,
        cell_key,
        'not_real' as part,
        {{ edge }} as snapshot_number,
        {{ sign }}amount as delta
    from earlier
    union all
    select
        quarter_index,
        cell_key,
        'not_real' as part,
        real_{{ edge }} as snapshot_number,
        {{ opposite }}amount as delta
    from earlier
    where real_from_number < real_to_number
    union all
    select
        quarter_index,
        cell_key,
        {{ coverage_part('close_offset') }} as part,
        real_{{ edge }} as snapshot_number,
        {{ sign }}amount as delta
    from earlier
    where real_from_number < real_to_number
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

grouped as (
    select
        {{ key }},
        snapshot_number,
        sum(delta) as amount
    from deltas
    group by {{ key }}, snapshot_number
),

running as (
    select
        {{ key }},
        snapshot_number as from_number,
        lead(snapshot_number) over (partition by {{ key }} order by snapshot_number) as to_number,
        sum(amount) over (partition by {{ key }} order by snapshot_number rows unbounded preceding) as amount
    from grouped
)

select
    days.snapshot_day,
    cast(running.quarter_index - days.quarter_index as integer) as horizon,
    running.cell_key,
    running.part,
    cast(running.amount as decimal(28, 2)) as kept_amount
from running
inner join {{ ref('int_snapshots__days') }} as days
    on running.from_number <= days.snapshot_number and running.to_number > days.snapshot_number
where running.amount <> 0 and days.quarter_index < running.quarter_index
