with won as (
    select
        current_state.opportunity_key,
        periods.period,
        opportunities.crm,
        coalesce(attributes.owner_id, 'unassigned') as owner_id,
        attributes.segment,
        attributes.deal_type,
        attributes.pipeline_source,
        current_state.closed_on,
        coalesce(current_state.amount, 0) as won_amount,
        qualified.created_amount,
        qualified.amount_flag,
        calendar.fiscal_quarter_start,
        calendar.next_quarter_start,
        -- the end of the quarter's day var week3_day: what was recorded before it was known in week 3
        cast({{ dbt.dateadd('day', var('week3_day'), 'calendar.fiscal_quarter_start') }} as {{ dbt.type_timestamp() }}) as week3_ends_at
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__qualified') }} as qualified
        on current_state.opportunity_key = qualified.opportunity_key
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    inner join {{ ref('crm_opportunities') }} as opportunities
        on current_state.opportunity_key = opportunities.opportunity_key
    inner join {{ ref('int_amounts__periods') }} as periods
        on current_state.closed_on >= periods.starts_on and current_state.closed_on < periods.ends_before
    inner join {{ ref('int_calendar') }} as calendar on current_state.closed_on = calendar.date_day
    where current_state.outcome = 'won'
),

-- The one version of each that stood at that moment, where it was open pipeline then.
open_in_week3 as (
    select
        won.opportunity_key,
        versions.close_date
    from won
    inner join {{ ref('int_opportunities__versioned') }} as versions
        on
            won.opportunity_key = versions.opportunity_key
            and won.week3_ends_at > versions.valid_from
            and (won.week3_ends_at <= versions.valid_to or versions.valid_to is null)
    where versions.stage_number >= {{ var('qualifying_stage') }} and versions.stage_number < {{ var('won_stage') }}
),

compared as (
    select
        won.*,
        -- a deal that had closed by then could not surprise anybody
        case when won.closed_on >= cast(won.week3_ends_at as date) then 1 else 0 end as is_after_week3,
        case
            when open_in_week3.close_date >= won.fiscal_quarter_start and open_in_week3.close_date < won.next_quarter_start then 1
            else 0
        end as was_in_quarter,
        case when open_in_week3.close_date >= won.next_quarter_start then 1 else 0 end as was_dated_later
    from won
    left join open_in_week3 on won.opportunity_key = open_in_week3.opportunity_key
)

select
    opportunity_key,
    period,
    crm,
    owner_id,
    segment,
    deal_type,
    pipeline_source,
    closed_on,
    won_amount,
    case when won_amount > 0 then 1 else 0 end as is_known,
    -- growth compares the same deals, those whose amount was known at both ends
    case when won_amount > 0 and amount_flag <> 'missing' then 1 else 0 end as is_comparable,
    case when won_amount > 0 and amount_flag <> 'missing' then cast(created_amount as {{ type_double() }}) else 0 end as growth_entry,
    case when won_amount > 0 and amount_flag <> 'missing' then cast(won_amount as {{ type_double() }}) else 0 end as growth_won,
    case when won_amount > 0 and amount_flag <> 'missing' then ln({{ ratio('won_amount', 'created_amount') }}) end as log_growth,
    is_after_week3,
    is_after_week3 * (1 - was_in_quarter) as is_surprise,
    is_after_week3 * was_dated_later as is_pulled_in
from compared
