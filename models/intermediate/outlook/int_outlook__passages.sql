-- How opportunities that went on to a stage fared there, by how quickly they had come from the one
-- before: those that took long win less often.
with all_time as (
    select
        windows.starts_on,
        as_of.as_of_date
    from {{ ref('int_estimates__windows') }} as windows
    cross join {{ ref('int_as_of') }} as as_of
    where windows.estimation_window = 'all_time'
),

stages as (
    select
        opportunity_key,
        stage_number,
        cast(reached_at as date) as reached_on,
        lag(stage_number) over (partition by opportunity_key order by stage_number) as previous_stage,
        lag(cast(reached_at as date)) over (partition by opportunity_key order by stage_number) as previously_reached_on
    from {{ ref('int_opportunities__milestones') }}
    where stage_number >= {{ var('qualifying_stage') }} and stage_number < {{ var('won_stage') }}
),

-- As the curves count it: by the outcome, and by policy for those without any activity.
endings as (
    select
        current_state.opportunity_key,
        attributes.cell_key,
        case
            when activity.is_zombie and '{{ var("zombie_policy") }}' = 'derail'
                then cast({{ dbt.dateadd('day', var('zombie_days'), 'activity.last_activity_on') }} as date)
            when current_state.outcome = 'open' then all_time.as_of_date
            else cast(current_state.closed_at as date)
        end as left_on,
        case
            when activity.is_zombie and '{{ var("zombie_policy") }}' = 'derail' then 'derailed'
            else current_state.outcome
        end as outcome,
        all_time.starts_on
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    left join {{ ref('int_opportunities__activity') }} as activity
        on current_state.opportunity_key = activity.opportunity_key
    cross join all_time
    where current_state.outcome <> 'deleted'
),

passed as (
    select
        endings.cell_key,
        stages.stage_number,
        stages.previous_stage,
        {{ dbt.datediff('stages.previously_reached_on', 'stages.reached_on', 'day') }} as days_before,
        greatest({{ dbt.datediff('stages.reached_on', 'endings.starts_on', 'day') }}, 0) as entry_age,
        {{ dbt.datediff('stages.reached_on', 'endings.left_on', 'day') }} as exit_age,
        endings.outcome
    from stages
    inner join endings on stages.opportunity_key = endings.opportunity_key
    where stages.previous_stage is not null and endings.left_on >= endings.starts_on
)

select
    passed.cell_key,
    cast(passed.stage_number as integer) as stage_number,
    -- beyond the reach of the company's curve are the slowest
    coalesce(paces.pace, 4) as pace,
    cast(passed.entry_age as integer) as entry_age,
    cast(passed.exit_age as integer) as exit_age,
    passed.outcome,
    cast(count(*) as integer) as passage_count
from passed
left join {{ ref('int_outlook__curves') }} as paces
    on
        paces.cell_level = 'company'
        and passed.previous_stage = paces.from_stage
        and passed.days_before = paces.age_days
group by 1, 2, 3, 4, 5, 6
