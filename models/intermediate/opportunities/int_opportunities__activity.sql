-- When something last happened to an opportunity that is open: a change of its state, or a touch.
with as_of as (
    select
        as_of_date,
        known_before
    from {{ ref('int_as_of') }}
),

open_opportunities as (
    select
        current_state.opportunity_key,
        opportunities.crm,
        opportunities.opportunity_id,
        cast(current_state.last_changed_at as date) as last_changed_on
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('crm_opportunities') }} as opportunities
        on current_state.opportunity_key = opportunities.opportunity_key
    where current_state.outcome = 'open'
),

touched as (
    select
        open_opportunities.opportunity_key,
        cast(max(touches.occurred_at) as date) as last_touched_on
    from {{ ref('crm_touches') }} as touches
    inner join open_opportunities
        on touches.crm = open_opportunities.crm and touches.opportunity_id = open_opportunities.opportunity_id
    inner join as_of on touches.occurred_at < as_of.known_before
    group by open_opportunities.opportunity_key
),

latest as (
    select
        open_opportunities.opportunity_key,
        case
            when touched.last_touched_on > open_opportunities.last_changed_on then touched.last_touched_on
            else open_opportunities.last_changed_on
        end as last_activity_on
    from open_opportunities
    left join touched on open_opportunities.opportunity_key = touched.opportunity_key
)

select
    latest.opportunity_key,
    latest.last_activity_on,
    {{ dbt.datediff('latest.last_activity_on', 'as_of.as_of_date', 'day') }} >= {{ var('zombie_days') }} as is_zombie
from latest
cross join as_of
