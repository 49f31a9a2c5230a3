{#- A lead is stage -1: what comes before the first stage of an opportunity. -#}
with as_of as (
    select
        as_of_date,
        known_before
    from {{ ref('int_as_of') }}
),

opportunities as (
    select
        current_state.opportunity_key,
        attributes.cell_key,
        current_state.outcome = 'won' as is_won,
        -- An opportunity that is open without any activity is open, or derailed, by policy.
        case
            when activity.is_zombie and '{{ var("zombie_policy") }}' = 'derail'
                then cast({{ dbt.dateadd('day', var('zombie_days'), 'activity.last_activity_on') }} as date)
            when current_state.outcome = 'open' then as_of.as_of_date
            else cast(current_state.closed_at as date)
        end as left_on,
        case
            when activity.is_zombie and '{{ var("zombie_policy") }}' = 'derail' then 3
            when current_state.outcome = 'open' then 0
            when current_state.outcome = 'derailed' then 3
            else 2
        end as cause
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    left join {{ ref('int_opportunities__activity') }} as activity
        on current_state.opportunity_key = activity.opportunity_key
    cross join as_of
    where current_state.outcome <> 'deleted'
),

milestones as (
    select
        opportunity_key,
        stage_number,
        cast(reached_at as date) as reached_on
    from {{ ref('int_opportunities__milestones') }}
),

stages as (
    select distinct stage_number
    from milestones
),

-- From each stage to the next, from each stage of the pipeline to the end, and from a completed
-- meeting to qualification even where a CRM has stages between the two.
steps as (
    select
        stage_number as from_stage,
        lead(stage_number) over (order by stage_number) as to_stage
    from stages
    union
    select
        stage_number as from_stage,
        {{ var('won_stage') }} as to_stage
    from stages
    where stage_number between {{ var('qualifying_stage') }} and {{ var('won_stage') }} - 1
    union
    select
        1 as from_stage,
        {{ var('qualifying_stage') }} as to_stage
    where 1 < {{ var('qualifying_stage') }}
),

of_opportunities as (
    select
        opportunities.cell_key,
        steps.from_stage,
        steps.to_stage,
        entered.reached_on as entered_on,
        -- what was won and reopened has not been won: only the outcome tells
        case
            when steps.to_stage = {{ var('won_stage') }} then opportunities.left_on
            else coalesce(reached.reached_on, opportunities.left_on)
        end as left_on,
        case
            when steps.to_stage = {{ var('won_stage') }} and opportunities.is_won then 1
            when steps.to_stage < {{ var('won_stage') }} and reached.reached_on is not null then 1
            else opportunities.cause
        end as cause
    from milestones as entered
    inner join steps on entered.stage_number = steps.from_stage
    inner join opportunities on entered.opportunity_key = opportunities.opportunity_key
    left join milestones as reached
        on
            entered.opportunity_key = reached.opportunity_key
            and steps.to_stage = reached.stage_number
            and reached.stage_number < {{ var('won_stage') }}
    where steps.to_stage is not null
),

of_leads as (
    select
        coalesce(channels.cell_key, unmapped.cell_key) as cell_key,
        -1 as from_stage,
        0 as to_stage,
        cast(leads.created_at as date) as entered_on,
        leads.is_converted and leads.opportunity_id is not null and leads.converted_at < as_of.known_before as is_advanced,
        cast(leads.converted_at as date) as converted_on,
        as_of.as_of_date
    from {{ ref('crm_leads') }} as leads
    inner join as_of on leads.created_at < as_of.known_before
    inner join {{ ref('int_lead_channels') }} as unmapped
        on leads.crm = unmapped.crm and unmapped.lead_source is null
    left join {{ ref('int_lead_channels') }} as channels
        on
            leads.crm = channels.crm
            and leads.lead_source_raw = channels.lead_source
            and cast(leads.created_at as date) >= channels.valid_from
            and cast(leads.created_at as date) < channels.valid_to
    where not leads.is_deleted
)

-- Millions of rows, so each is a few numbers: the cell's words are in int_cells.
select
    cell_key,
    cast(from_stage as smallint) as from_stage,
    cast(to_stage as smallint) as to_stage,
    entered_on,
    left_on,
    cast(cause as smallint) as cause
from of_opportunities
union all
select
    cell_key,
    cast(from_stage as smallint) as from_stage,
    cast(to_stage as smallint) as to_stage,
    entered_on,
    case when is_advanced then greatest(converted_on, entered_on) else as_of_date end as left_on,
    cast(case when is_advanced then 1 else 0 end as smallint) as cause
from of_leads
