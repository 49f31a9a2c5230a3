with as_of as (
    select
        as_of.as_of_date,
        calendar.quarter_index
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

versions as (
    select * from {{ ref('int_opportunities__versioned') }}
),

-- What happened along the way.
histories as (
    select
        opportunity_key,
        max(
            case
                when
                    stage_number >= {{ var('won_stage') }} and (previous_stage_number is null or stage_number <> previous_stage_number)
                    then valid_from
            end
        )
            as last_closed_at,
        sum(case when stage_number < previous_stage_number and previous_stage_number < {{ var('won_stage') }} then 1 else 0 end)
            as regression_count,
        sum(
            case
                when
                    stage_number < {{ var('won_stage') }}
                    and previous_stage_number between {{ var('won_stage') }} and {{ var('derailed_stage') }}
                    then 1 else
                    0
            end
        )
            as reopening_count,
        sum(case when close_date > previous_close_date and stage_number < {{ var('won_stage') }} then 1 else 0 end) as slip_count,
        count(*) as version_count,
        max(case when is_change then valid_from end) as last_changed_at,
        min(valid_from) as first_seen_at,
        max(case when is_recorded then 1 else 0 end) as has_history,
        max(case when is_current and is_change and stage_number <= {{ var('derailed_stage') }} then 1 else 0 end) as has_changed_since
    from versions
    group by opportunity_key
),

milestones as (
    select
        opportunity_key,
        min(case when stage_number = 0 then reached_at end) as meeting_accepted_at,
        min(case when stage_number = 1 then reached_at end) as meeting_completed_at,
        min(case when stage_number = {{ var('qualifying_stage') }} then reached_at end) as qualified_at,
        sum(case when is_imputed then 1 else 0 end) as skipped_stage_count
    from {{ ref('int_opportunities__milestones') }}
    group by opportunity_key
)

select
    versions.opportunity_key,
    versions.stage_number,
    versions.amount,
    versions.close_date,
    case
        when versions.stage_number < {{ var('won_stage') }} then 'open'
        when versions.stage_number = {{ var('won_stage') }} then 'won'
        when versions.stage_number = {{ var('lost_stage') }} then 'lost'
        when versions.stage_number = {{ var('derailed_stage') }} then 'derailed'
        else 'deleted'
    end as outcome,
    -- Why an open, qualified opportunity is or is not pipeline that can be counted on.
    case
        when versions.stage_number >= {{ var('won_stage') }} or versions.stage_number < {{ var('qualifying_stage') }} then 'not_pipeline'
        when coalesce(versions.amount, 0) <= 0 then 'amount_missing'
        when versions.close_date is null then 'close_date_missing'
        when versions.close_date < as_of.as_of_date then 'close_date_past'
        when
            close_calendar.quarter_index is null or close_calendar.quarter_index - as_of.quarter_index > {{ var('real_pipeline_quarters') }}
            then 'close_date_too_far'
        else 'real'
    end as pipeline_status,
    milestones.meeting_accepted_at,
    milestones.meeting_completed_at,
    milestones.qualified_at,
    case when versions.stage_number >= {{ var('won_stage') }} then histories.last_closed_at end as closed_at,
    case
        when versions.stage_number >= {{ var('won_stage') }}
            then {{ booking_date('versions.close_date', 'cast(histories.last_closed_at as date)', 'cast(histories.first_seen_at as date)') }}
    end as closed_on,
    cast(coalesce(milestones.skipped_stage_count, 0) as integer) as skipped_stage_count,
    cast(histories.regression_count as integer) as regression_count,
    cast(histories.reopening_count as integer) as reopening_count,
    cast(histories.slip_count as integer) as slip_count,
    cast(histories.version_count as integer) as version_count,
    histories.last_changed_at,
    histories.has_history = 1 and histories.has_changed_since = 1 as is_history_disagreeing
from versions
inner join histories on versions.opportunity_key = histories.opportunity_key
left join milestones on versions.opportunity_key = milestones.opportunity_key
left join {{ ref('int_calendar') }} as close_calendar on versions.close_date = close_calendar.date_day
cross join as_of
where versions.valid_to is null
