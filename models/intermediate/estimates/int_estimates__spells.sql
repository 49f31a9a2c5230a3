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
        current_state.outcome,
        cast(current_state.closed_at as date) as closed_recorded_on,
        as_of.as_of_date
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    cross join as_of
    where current_state.outcome <> 'deleted'
),

milestones as (
    select
        opportunity_key,
        stage_number,
        cast(reached_at as date) as reached_on
    from {{ ref('int_opportunities__milestones') }}
    where stage_number < {{ var('won_stage') }}
),

steps as (
    select
        0 as from_stage,
        1 as to_stage
    union all
    select
        1 as from_stage,
        {{ var('qualifying_stage') }} as to_stage
    where 1 < {{ var('qualifying_stage') }}
),

-- From each stage before qualification to the next one that is planned by.
upstream as (
    select
        opportunities.cell_key,
        entered.stage_number as from_stage,
        steps.to_stage,
        entered.reached_on as entered_on,
        case
            when reached.reached_on is not null then reached.reached_on
            when opportunities.outcome <> 'open' then opportunities.closed_recorded_on
            else opportunities.as_of_date
        end as left_on,
        case
            when reached.reached_on is not null then 1
            when opportunities.outcome <> 'open' then 2
            else 0
        end as cause
    from milestones as entered
    inner join steps on entered.stage_number = steps.from_stage
    inner join opportunities on entered.opportunity_key = opportunities.opportunity_key
    left join milestones as reached
        on entered.opportunity_key = reached.opportunity_key and steps.to_stage = reached.stage_number
),

-- From each stage of the pipeline to the end.
to_won as (
    select
        opportunities.cell_key,
        entered.stage_number as from_stage,
        {{ var('won_stage') }} as to_stage,
        entered.reached_on as entered_on,
        case when opportunities.outcome = 'open' then opportunities.as_of_date else opportunities.closed_recorded_on end as left_on,
        case opportunities.outcome when 'won' then 1 when 'open' then 0 else 2 end as cause
    from milestones as entered
    inner join opportunities on entered.opportunity_key = opportunities.opportunity_key
    where entered.stage_number >= {{ var('qualifying_stage') }}
),

leads as (
    select
        coalesce(channels.cell_key, unmapped.cell_key) as cell_key,
        -1 as from_stage,
        0 as to_stage,
        cast(leads.created_at as date) as entered_on,
        case
            when leads.is_converted and leads.opportunity_id is not null and leads.converted_at < as_of.known_before
                then greatest(cast(leads.converted_at as date), cast(leads.created_at as date))
            else as_of.as_of_date
        end as left_on,
        case
            when leads.is_converted and leads.opportunity_id is not null and leads.converted_at < as_of.known_before then 1
            else 0
        end as cause
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
),

unioned as (
    select
        cell_key,
        from_stage,
        to_stage,
        entered_on,
        left_on,
        cause
    from upstream
    union all
    select
        cell_key,
        from_stage,
        to_stage,
        entered_on,
        left_on,
        cause
    from to_won
    union all
    select
        cell_key,
        from_stage,
        to_stage,
        entered_on,
        left_on,
        cause
    from leads
)

-- Millions of rows, so each is a few numbers: the cell's words are in int_cells.
select
    cell_key,
    cast(from_stage as smallint) as from_stage,
    cast(to_stage as smallint) as to_stage,
    entered_on,
    left_on,
    cast(cause as smallint) as cause
from unioned
