{%- set unmapped_stage = -1 -%}
{%- set deleted_stage = 99 -%}
-- Everything known about the state of an opportunity, in no order yet: what was recorded, and what
-- it is now. A view: the versions are the only ones to read it.
with as_of as (
    select
        as_of_date,
        known_before
    from {{ ref('int_as_of') }}
),

recorded as (
    select
        changes.opportunity_key,
        changes.changed_at,
        changes.change_id,
        false as is_current,
        true as is_recorded,
        {{ mapped_stage() }} as stage_number,
        changes.amount,
        changes.close_date
    from {{ ref('crm_opportunity_changes') }} as changes
    inner join as_of on changes.changed_at < as_of.known_before
    {{ join_stage_map('changes', 'changes.changed_at') }}
    -- A stage nobody has mapped says nothing: the state before it holds (and data_quality counts it).
    where {{ mapped_stage() }} is not null
),

opportunities as (
    select
        opportunities.opportunity_key,
        opportunities.created_at,
        opportunities.last_modified_at,
        opportunities.deleted_at,
        opportunities.amount,
        opportunities.close_date,
        case
            -- What was deleted later was not deleted then.
            when opportunities.is_deleted and opportunities.deleted_at < as_of.known_before then {{ deleted_stage }}
            -- A stage nobody has mapped: the CRM's own flags still tell the outcome.
            else coalesce(
                {{ mapped_stage('stages_then') }},
                {{ mapped_stage() }},
                case
                    when opportunities.is_won then {{ var('won_stage') }}
                    when opportunities.is_closed then {{ var('lost_stage') }}
                end,
                {{ unmapped_stage }}
            )
        end as stage_number,
        -- A row that had to be repaired does not overrule the history.
        coalesce(opportunities.repairs, 'close_before_creation,') <> 'close_before_creation,' as is_repaired,
        as_of.known_before
    from {{ ref('crm_opportunities') }} as opportunities
    inner join as_of on opportunities.created_at < as_of.known_before
    -- What the name meant when the record was last changed; a CRM that renames a stage in every
    -- record leaves names that meant nothing yet at that time, and then it is what they mean now.
    {{ join_stage_map('opportunities', 'as_of.as_of_date') }}
    {{ join_stage_map('opportunities', 'opportunities.last_modified_at', 'stages_then') }}
),

with_history as (
    select distinct opportunity_key from recorded
),

-- The state as it is now closes every history, so that a change the history missed is not lost.
current_state as (
    select
        opportunities.opportunity_key,
        case
            when opportunities.stage_number = {{ deleted_stage }} then opportunities.deleted_at
            when with_history.opportunity_key is not null then opportunities.last_modified_at
            when opportunities.stage_number >= {{ var('won_stage') }}
                then least(
                    greatest(
                        coalesce(cast(opportunities.close_date as {{ dbt.type_timestamp() }}), opportunities.created_at),
                        opportunities.created_at
                    ),
                    opportunities.last_modified_at
                )
            else opportunities.created_at
        end as changed_at,
        cast(null as {{ dbt.type_string() }}) as change_id,
        true as is_current,
        false as is_recorded,
        opportunities.stage_number,
        opportunities.amount,
        opportunities.close_date,
        opportunities.known_before
    from opportunities
    left join with_history on opportunities.opportunity_key = with_history.opportunity_key
    where
        with_history.opportunity_key is null
        or (opportunities.stage_number <> {{ unmapped_stage }} and not opportunities.is_repaired)
        or opportunities.stage_number = {{ deleted_stage }}
),

-- Without any history an opportunity that is closed has two states: it is taken to have
-- qualified when it was created.
assumed_start as (
    select
        opportunities.opportunity_key,
        opportunities.created_at as changed_at,
        cast(null as {{ dbt.type_string() }}) as change_id,
        false as is_current,
        false as is_recorded,
        {{ var('qualifying_stage') }} as stage_number,
        opportunities.amount,
        opportunities.close_date
    from opportunities
    left join with_history on opportunities.opportunity_key = with_history.opportunity_key
    where with_history.opportunity_key is null and opportunities.stage_number >= {{ var('won_stage') }}
)

select
    opportunity_key,
    changed_at,
    change_id,
    is_current,
    is_recorded,
    stage_number,
    amount,
    close_date
from recorded
union all
select
    opportunity_key,
    changed_at,
    change_id,
    is_current,
    is_recorded,
    stage_number,
    amount,
    close_date
from assumed_start
union all
select
    opportunity_key,
    changed_at,
    change_id,
    is_current,
    is_recorded,
    stage_number,
    amount,
    close_date
from current_state
where changed_at < known_before
