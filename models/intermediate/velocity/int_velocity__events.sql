-- The days are those of the conversion curves: an opportunity leaves when the CRM recorded its
-- closing, or by var zombie_policy.
with qualified as (
    select
        current_state.opportunity_key,
        attributes.cell_key,
        cast(current_state.qualified_at as date) as qualified_on,
        case
            when activity.is_zombie and '{{ var("zombie_policy") }}' = 'derail'
                then cast({{ dbt.dateadd('day', var('zombie_days'), 'activity.last_activity_on') }} as date)
            else cast(current_state.closed_at as date)
        end as left_on,
        case
            when activity.is_zombie and '{{ var("zombie_policy") }}' = 'derail' then 'derailed'
            else current_state.outcome
        end as outcome,
        case when current_state.amount > 0 then current_state.amount end as amount
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    left join {{ ref('int_opportunities__activity') }} as activity
        on current_state.opportunity_key = activity.opportunity_key
    where current_state.qualified_at is not null and current_state.outcome <> 'deleted'
)

select
    opportunity_key,
    cell_key,
    'created' as event,
    qualified_on as event_on,
    amount,
    cast(null as integer) as cycle_days
from qualified
union all
select
    opportunity_key,
    cell_key,
    outcome as event,
    left_on as event_on,
    amount,
    cast({{ dbt.datediff('qualified_on', 'left_on', 'day') }} as integer) as cycle_days
from qualified
where outcome <> 'open'
