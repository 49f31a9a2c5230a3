{%- set periods, versions = ref('int_coverage__past_periods'), ref('int_opportunities__versioned') -%}
-- Every deal a past period's conversion is made of: open pipeline dated to the period on its snapshot
-- day, or booked in the period, or both.
with pipeline as (
    select
        periods.period_kind,
        periods.period_start,
        periods.ends_before,
        spells.opportunity_key,
        spells.amount,
        case
            when spells.real_from_number <= periods.snapshot_number and spells.real_to_number > periods.snapshot_number then 1
            else 0
        end as is_real
    from {{ ref('int_snapshots__spells') }} as spells
    inner join {{ periods }} as periods
        on
            spells.close_quarter_start = periods.fiscal_quarter_start
            and spells.close_date >= periods.period_start
            and spells.close_date < periods.ends_before
            and spells.from_number <= periods.snapshot_number
            and spells.to_number > periods.snapshot_number
),

booked as (
    select
        periods.period_kind,
        periods.period_start,
        periods.ends_before,
        periods.snapshot_day,
        current_state.opportunity_key,
        coalesce(current_state.amount, 0) as amount,
        cast(current_state.closed_at as date) as recorded_on,
        cast(current_state.qualified_at as date) as qualified_on
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_calendar') }} as calendar on current_state.closed_on = calendar.date_day
    inner join {{ periods }} as periods
        on
            calendar.fiscal_quarter_start = periods.fiscal_quarter_start
            and current_state.closed_on >= periods.period_start
            and current_state.closed_on < periods.ends_before
    where current_state.outcome = 'won'
),

-- What those that were booked were on the snapshot day.
booked_then as (
    select
        booked.*,
        versions.stage_number as stage_then,
        versions.close_date as close_date_then
    from booked
    left join {{ versions }} as versions
        on
            booked.opportunity_key = versions.opportunity_key
            and booked.snapshot_day >= cast(versions.valid_from as date)
            and (booked.snapshot_day < cast(versions.valid_to as date) or versions.valid_to is null)
),

-- What became of the pipeline by the end of the period.
ended as (
    select
        pipeline.*,
        versions.stage_number as stage_at_end
    from pipeline
    left join {{ versions }} as versions
        on
            pipeline.opportunity_key = versions.opportunity_key
            and pipeline.ends_before > cast(versions.valid_from as date)
            and (pipeline.ends_before <= cast(versions.valid_to as date) or versions.valid_to is null)
),

deals as (
    select
        coalesce(ended.period_kind, booked_then.period_kind) as period_kind,
        coalesce(ended.period_start, booked_then.period_start) as period_start,
        coalesce(ended.opportunity_key, booked_then.opportunity_key) as opportunity_key,
        coalesce(ended.amount, 0) as pipeline_amount_raw,
        coalesce(ended.is_real, 0) as is_in_snapshot,
        coalesce(ended.is_real * ended.amount, 0) as pipeline_amount,
        coalesce(booked_then.amount, 0) as booked_amount,
        case
            when ended.is_real = 0 or ended.is_real is null then null
            when booked_then.opportunity_key is not null then 'won'
            when ended.stage_at_end = {{ var('lost_stage') }} then 'lost'
            when ended.stage_at_end > {{ var('lost_stage') }} then 'derailed'
            else 'slipped'
        end as fate,
        case
            when booked_then.opportunity_key is null then null
            when booked_then.recorded_on <= booked_then.snapshot_day then 'before_snapshot'
            when ended.is_real = 1 then 'from_snapshot'
            when booked_then.qualified_on > booked_then.snapshot_day then 'created_and_closed'
            when booked_then.stage_then >= {{ var('won_stage') }} then 'reopened'
            when
                booked_then.stage_then >= {{ var('qualifying_stage') }} and booked_then.close_date_then >= booked_then.ends_before
                then 'pulled_in'
            else 'not_real_then'
        end as origin
    from ended
    full outer join booked_then
        on
            ended.period_kind = booked_then.period_kind
            and ended.period_start = booked_then.period_start
            and ended.opportunity_key = booked_then.opportunity_key
),

totals as (
    select
        period_kind,
        period_start,
        sum(booked_amount) as bookings,
        sum(case when booked_amount > 0 then 1 else 0 end) as booked_count
    from deals
    group by period_kind, period_start
)

select
    deals.period_kind,
    deals.period_start,
    deals.opportunity_key,
    deals.pipeline_amount_raw,
    deals.is_in_snapshot,
    deals.pipeline_amount,
    deals.fate,
    deals.booked_amount,
    deals.origin,
    -- A big deal that is won is left out on both sides. One that is not stays in the pipeline: today's
    -- coverage has its big deals too, and most of them will not be won either. Where few deals are won
    -- each is a large share: a big one is large among the others, too, and one without others is not.
    case
        when coalesce(named.opportunity_id, named_anywhere.opportunity_id) is not null then 'one_time_event'
        when
            deals.booked_amount > totals.bookings * {{ var('big_deal_share') }}
            and totals.booked_count > 1
            and deals.booked_amount * (totals.booked_count - 1) >= (totals.bookings - deals.booked_amount) * {{ var('big_deal_times_mean') }}
            then 'big_deal'
    end as exclusion
from deals
inner join totals on deals.period_kind = totals.period_kind and deals.period_start = totals.period_start
inner join {{ ref('crm_opportunities') }} as opportunities on deals.opportunity_key = opportunities.opportunity_key
left join {{ ref('one_time_events') }} as named
    on opportunities.crm = named.crm and opportunities.opportunity_id = named.opportunity_id
left join {{ ref('one_time_events') }} as named_anywhere
    on opportunities.opportunity_id = named_anywhere.opportunity_id and named_anywhere.crm is null
