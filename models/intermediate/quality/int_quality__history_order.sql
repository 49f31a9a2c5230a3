-- Changes of one moment, of which only the last stood, and changes that were landed again. Few are:
-- a state that held for no time at all.
with suspects as (
    select
        opportunity_key,
        valid_from,
        sum(case when valid_from = valid_to then 1 else 0 end) as zero_length_count,
        sum(case when is_duplicate then 1 else 0 end) as duplicate_count
    from {{ ref('int_opportunities__versioned') }}
    where is_recorded and (is_duplicate or valid_from = valid_to)
    group by opportunity_key, valid_from
),

-- The state as it is now closes the history, often at the moment of the last change: no tie.
closed_by_today as (
    select
        suspects.opportunity_key,
        suspects.valid_from,
        suspects.duplicate_count,
        suspects.zero_length_count
        - suspects.duplicate_count
        - case when current_state.opportunity_key is null then 0 else 1 end as tie_count
    from suspects
    left join {{ ref('int_opportunities__versioned') }} as current_state
        on
            suspects.opportunity_key = current_state.opportunity_key
            and suspects.valid_from = current_state.valid_from
            and current_state.is_current
),

counted as (
    select
        opportunity_key,
        valid_from,
        'opportunity_changes_superseded' as rule,
        'superseded' as handling,
        duplicate_count as row_count
    from closed_by_today
    where duplicate_count > 0
    union all
    select
        opportunity_key,
        valid_from,
        'history_tie' as rule,
        'repaired' as handling,
        tie_count as row_count
    from closed_by_today
    where tie_count > 0
)

select
    opportunities.crm,
    opportunities.opportunity_id as row_id,
    counted.rule,
    counted.handling,
    cast(counted.valid_from as date) as entered_on,
    cast(counted.row_count as integer) as row_count
from counted
inner join {{ ref('crm_opportunities') }} as opportunities
    on counted.opportunity_key = opportunities.opportunity_key
