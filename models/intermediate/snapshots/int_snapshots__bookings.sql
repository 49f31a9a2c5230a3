{%- set history = 'partition by versions.opportunity_key order by versions.valid_from' -%}
-- What stood as won at which snapshots, in the quarter it was booked in as it was known then.
with latest as (
    select cast(max(snapshot_number) + 1 as integer) as after_last
    from {{ ref('int_snapshots__days') }}
),

first_seen as (
    {{ first_seen_days(ref('int_opportunities__versioned')) }}
),

won as (
    select
        versions.opportunity_key,
        versions.valid_from,
        versions.valid_to,
        versions.amount,
        versions.close_date,
        first_seen.first_seen_on,
        -- when the winning was recorded; what is changed in a deal afterwards does not move that
        cast(
            max(case when versions.previous_stage_number is null or versions.previous_stage_number <> versions.stage_number then versions.valid_from end)
                over ({{ history }})
            as date
        ) as recorded_on
    from {{ ref('int_opportunities__versioned') }} as versions
    inner join first_seen on versions.opportunity_key = first_seen.opportunity_key
    where versions.stage_number = {{ var('won_stage') }}
),

booked as (
    select
        *,
        {{ booking_date('close_date', 'recorded_on', 'first_seen_on') }} as closed_on
    from won
)

select
    booked.opportunity_key,
    attributes.cell_key,
    closing.fiscal_quarter_start as close_quarter_start,
    coalesce(booked.amount, 0) as amount,
    cast(coalesce(began.next_number, 1) as integer) as from_number,
    cast(case when booked.valid_to is null then latest.after_last else coalesce(ended.next_number, 1) end as integer) as to_number
from booked
inner join {{ ref('int_opportunities__attributed') }} as attributes on booked.opportunity_key = attributes.opportunity_key
cross join latest
left join {{ ref('int_snapshots__next') }} as began on cast(booked.valid_from as date) = began.date_day
left join {{ ref('int_snapshots__next') }} as ended on cast(booked.valid_to as date) = ended.date_day
left join {{ ref('int_calendar') }} as closing on booked.closed_on = closing.date_day
where coalesce(began.next_number, 1) < case when booked.valid_to is null then latest.after_last else coalesce(ended.next_number, 1) end
