-- Every change of the open pipeline, as one or more movements of one close quarter each.
with first_seen as (
    {{ first_seen_days(ref('int_opportunities__versioned')) }}
),

changes as (
    select
        opportunity_key,
        valid_from as moved_at,
        stage_number,
        stage_number = {{ var('won_stage') }} and coalesce(previous_stage_number, -1) <> {{ var('won_stage') }} as is_won,
        stage_number >= {{ var('qualifying_stage') }} and stage_number < {{ var('won_stage') }} as is_open,
        coalesce(previous_stage_number >= {{ var('qualifying_stage') }} and previous_stage_number < {{ var('won_stage') }}, false) as was_open,
        case
            when coalesce(highest_stage_before, -1) < {{ var('qualifying_stage') }} then 'created'
            when previous_stage_number >= {{ var('won_stage') }} then 'reopened'
            else 'requalified'
        end as entry,
        coalesce(previous_amount, 0) as amount_before,
        coalesce(amount, 0) as amount,
        previous_close_date as close_date_before,
        close_date
    from {{ ref('int_opportunities__versioned') }}
    where is_change
),

-- A deal that is won leaves from the quarter it is booked in, at the amount it is booked at: up to
-- that moment it is still there.
dated as (
    select
        changes.*,
        changes.is_open or changes.is_won as is_there,
        before.fiscal_quarter_start as quarter_before,
        after.fiscal_quarter_start as quarter_after
    from changes
    inner join first_seen on changes.opportunity_key = first_seen.opportunity_key
    left join {{ ref('int_calendar') }} as before on changes.close_date_before = before.date_day
    left join {{ ref('int_calendar') }} as after
        on
            case
                when changes.is_won
                    then {{ booking_date('changes.close_date', 'cast(changes.moved_at as date)', 'first_seen.first_seen_on') }}
                else changes.close_date
            end = after.date_day
    where changes.is_open or changes.was_open or changes.is_won
),

movements as (
    select
        opportunity_key,
        moved_at,
        entry as movement,
        quarter_after as close_quarter_start,
        1 as count_change,
        amount as amount_change
    from dated
    where is_there and not was_open
    union all
    select
        opportunity_key,
        moved_at,
        'moved_out' as movement,
        quarter_before as close_quarter_start,
        -1 as count_change,
        -amount_before as amount_change
    from dated
    where is_there and was_open and quarter_before is distinct from quarter_after
    union all
    select
        opportunity_key,
        moved_at,
        'moved_in' as movement,
        quarter_after as close_quarter_start,
        1 as count_change,
        amount_before as amount_change
    from dated
    where is_there and was_open and quarter_before is distinct from quarter_after
    union all
    select
        opportunity_key,
        moved_at,
        case when amount > amount_before then 'increased' else 'decreased' end as movement,
        quarter_after as close_quarter_start,
        0 as count_change,
        amount - amount_before as amount_change
    from dated
    where is_there and was_open and amount <> amount_before
    union all
    select
        opportunity_key,
        moved_at,
        'won' as movement,
        quarter_after as close_quarter_start,
        -1 as count_change,
        -amount as amount_change
    from dated
    where is_won
    union all
    select
        opportunity_key,
        moved_at,
        case
            when stage_number < {{ var('won_stage') }} then 'regressed'
            when stage_number = {{ var('lost_stage') }} then 'lost'
            when stage_number = {{ var('derailed_stage') }} then 'derailed'
            else 'deleted'
        end as movement,
        quarter_before as close_quarter_start,
        -1 as count_change,
        -amount_before as amount_change
    from dated
    where was_open and not is_there
)

select
    movements.opportunity_key,
    attributes.cell_key,
    movements.moved_at,
    calendar.week_start,
    movements.movement,
    movements.close_quarter_start,
    movements.count_change,
    cast(movements.amount_change as {{ money_type() }}) as amount_change
from movements
inner join {{ ref('int_opportunities__attributed') }} as attributes
    on movements.opportunity_key = attributes.opportunity_key
inner join {{ ref('int_calendar') }} as calendar on cast(movements.moved_at as date) = calendar.date_day
