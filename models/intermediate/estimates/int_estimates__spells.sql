{#- A lead is stage -1: what comes before the first stage of an opportunity. -#}
with as_of as (
    select as_of_date, known_before from {{ ref('int_as_of') }}
),

opportunities as (
    select
        current_state.opportunity_key,
        {{ cell('attributes') }},
        current_state.outcome,
        cast(current_state.closed_at as date) as closed_on,
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
),

-- From each stage before qualification to the next one that is planned by.
upstream as (
    select
        {{ cell('opportunities') }},
        entered.stage_number as from_stage,
        steps.to_stage,
        entered.reached_on as entered_on,
        case
            when reached.reached_on is not null then reached.reached_on
            when opportunities.outcome <> 'open' then opportunities.closed_on
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
        {{ cell('opportunities') }},
        entered.stage_number as from_stage,
        {{ var('won_stage') }} as to_stage,
        entered.reached_on as entered_on,
        case when opportunities.outcome = 'open' then opportunities.as_of_date else opportunities.closed_on end as left_on,
        case opportunities.outcome when 'won' then 1 when 'open' then 0 else 2 end as cause
    from milestones as entered
    inner join opportunities on entered.opportunity_key = opportunities.opportunity_key
    where entered.stage_number >= {{ var('qualifying_stage') }}
),

-- A lead is not yet in a segment: its channel is all that is known of its cell.
leads as (
    select
        '*' as segment,
        '*' as deal_type,
        '*' as territory,
        {{ "coalesce(sources.pipeline_source, 'unmapped')" if 'pipeline_source' in var('plan_dimensions') else "'all'" }} as pipeline_source,
        '*' as custom_dimension,
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
    left join {{ ref('pipeline_source_map') }} as sources
        on
            leads.crm = sources.crm
            and leads.lead_source_raw = sources.lead_source
            and cast(leads.created_at as date) >= coalesce(sources.valid_from, cast('1900-01-01' as date))
            and cast(leads.created_at as date) < coalesce(sources.valid_to, cast('2999-12-31' as date))
    where not leads.is_deleted
)

select {{ cell() }}, from_stage, to_stage, entered_on, left_on, cause from upstream
union all
select {{ cell() }}, from_stage, to_stage, entered_on, left_on, cause from to_won
union all
select {{ cell() }}, from_stage, to_stage, entered_on, left_on, cause from leads
