{%- set days = ref('int_snapshots__days') -%}
-- The states an opportunity was in as open pipeline, each from which snapshot until which; states
-- that no snapshot saw are left out.
with bounds as (
    select
        min(quarter_index) as first_quarter,
        max(snapshot_number) + 1 as after_last
    from {{ days }}
),

quarters as (
    select
        quarter_index,
        min(snapshot_number) as first_number
    from {{ days }}
    group by quarter_index
),

snapshots as (
    select
        *,
        quarter_index - {{ var('real_pipeline_quarters') }} as near_from_quarter
    from {{ ref('int_snapshots__next') }}
),

-- From which snapshot on a close date is near enough, and from which on it is past.
close_days as (
    select
        snapshots.date_day,
        snapshots.fiscal_quarter_start,
        case
            when snapshots.near_from_quarter < bounds.first_quarter then 1
            else coalesce(quarters.first_number, bounds.after_last)
        end as near_from,
        coalesce(lead(snapshots.next_number) over (order by snapshots.date_day), bounds.after_last) as past_from
    from snapshots
    cross join bounds
    left join quarters on snapshots.near_from_quarter = quarters.quarter_index
),

spells as (
    select
        versions.opportunity_key,
        attributes.cell_key,
        versions.stage_number,
        versions.close_date,
        close_days.fiscal_quarter_start as close_quarter_start,
        coalesce(versions.amount, 0) as amount,
        coalesce(began.next_number, 1) as from_number,
        case when versions.valid_to is null then bounds.after_last else coalesce(ended.next_number, 1) end as to_number,
        close_days.near_from,
        close_days.past_from
    from {{ ref('int_opportunities__versioned') }} as versions
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on versions.opportunity_key = attributes.opportunity_key
    cross join bounds
    left join snapshots as began on cast(versions.valid_from as date) = began.date_day
    left join snapshots as ended on cast(versions.valid_to as date) = ended.date_day
    left join close_days on versions.close_date = close_days.date_day
    where versions.stage_number >= {{ var('qualifying_stage') }} and versions.stage_number < {{ var('won_stage') }}
),

bounded as (
    select
        spells.*,
        greatest(spells.from_number, spells.near_from) as real_from,
        -- a close date passes by time alone, on the day after it
        least(spells.to_number, spells.past_from) as real_to,
        spells.amount > 0 and spells.close_quarter_start is not null
        and greatest(spells.from_number, spells.near_from) < least(spells.to_number, spells.past_from) as is_ever_real
    from spells
    where spells.from_number < spells.to_number
)

select
    opportunity_key,
    cell_key,
    stage_number,
    close_date,
    close_quarter_start,
    amount,
    cast(from_number as integer) as from_number,
    cast(to_number as integer) as to_number,
    cast(case when is_ever_real then real_from end as integer) as real_from_number,
    cast(case when is_ever_real then real_to end as integer) as real_to_number
from bounded
