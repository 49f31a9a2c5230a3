{%- set unmapped_stage, deleted_stage = -1, 99 -%}
-- All that is known of the states of an opportunity, in no order yet: what was recorded, and what it is now.
with changes as (
    select
        changes.opportunity_key,
        changes.changed_at,
        changes.change_id,
        false as is_current,
        true as is_recorded,
        {{ mapped_stage() }} as stage_number,
        changes.amount,
        changes.close_date,
        coalesce(changes.history_quality = 'first_seen', false) as is_first_seen
    from {{ ref('crm_opportunity_changes') }} as changes
    inner join {{ ref('int_as_of') }} as as_of on changes.changed_at < as_of.known_before
    {{ join_stage_map('changes', 'changes.changed_at') }}
    -- A stage nobody has mapped says nothing: the state before it holds (and data_quality counts it).
    where {{ mapped_stage() }} is not null
),

opportunities as (
    select
        opportunities.opportunity_key,
        opportunities.created_at,
        -- what was deleted later was not deleted then
        case
            when opportunities.deleted_at < as_of.known_before then opportunities.deleted_at
            else greatest(opportunities.last_modified_at, opportunities.created_at)
        end as seen_at,
        opportunities.amount,
        opportunities.close_date,
        case
            when opportunities.deleted_at < as_of.known_before then {{ deleted_stage }}
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
        -- a row that had to be repaired does not overrule the history
        coalesce(opportunities.repairs, 'close_before_creation,') <> 'close_before_creation,' as is_repaired
    from {{ ref('crm_opportunities') }} as opportunities
    inner join {{ ref('int_as_of') }} as as_of on opportunities.created_at < as_of.known_before
    -- What the name meant when the record was last changed, else, where the CRM renames in every record, what it means now.
    {{ join_stage_map('opportunities', 'as_of.as_of_date') }}
    {{ join_stage_map('opportunities', 'opportunities.last_modified_at', 'stages_then') }}
),

with_history as (
    select distinct opportunity_key from changes
),

-- The state as it is now closes every history, so that a change the history missed is not lost.
closing as (
    select
        opportunities.opportunity_key,
        opportunities.seen_at as changed_at,
        cast(null as {{ dbt.type_string() }}) as change_id,
        true as is_current,
        false as is_recorded,
        opportunities.stage_number,
        opportunities.amount,
        opportunities.close_date
    from opportunities
    inner join with_history on opportunities.opportunity_key = with_history.opportunity_key
    where
        (opportunities.stage_number <> {{ unmapped_stage }} and not opportunities.is_repaired)
        or opportunities.stage_number = {{ deleted_stage }}
),

-- States of which nobody recorded since when they hold: the present one where there is no history, and the
-- first one that was seen where states were compared.
found as (
    select
        opportunities.opportunity_key,
        opportunities.created_at,
        opportunities.seen_at,
        cast(null as {{ dbt.type_string() }}) as change_id,
        true as is_current,
        false as is_recorded,
        opportunities.stage_number,
        opportunities.amount,
        opportunities.close_date
    from opportunities
    left join with_history on opportunities.opportunity_key = with_history.opportunity_key
    where with_history.opportunity_key is null
    union all
    select
        changes.opportunity_key,
        opportunities.created_at,
        changes.changed_at as seen_at,
        changes.change_id,
        changes.is_current,
        changes.is_recorded,
        changes.stage_number,
        changes.amount,
        changes.close_date
    from changes
    inner join opportunities on changes.opportunity_key = opportunities.opportunity_key
    where changes.is_first_seen
),

-- An open one is taken to hold since the creation, a closed one since its close date.
dated as (
    select
        *,
        case
            when stage_number = {{ deleted_stage }} then seen_at
            when stage_number >= {{ var('won_stage') }}
                then least(greatest(coalesce(cast(close_date as {{ dbt.type_timestamp() }}), created_at), created_at), seen_at)
            else least(created_at, seen_at)
        end as changed_at
    from found
),

-- Before a closed one stands another: it is taken to have qualified when it was created.
assumed_start as (
    select
        opportunity_key,
        least(created_at, seen_at) as changed_at,
        '' as change_id,
        false as is_current,
        false as is_recorded,
        {{ var('qualifying_stage') }} as stage_number,
        amount,
        close_date
    from found
    where stage_number >= {{ var('won_stage') }}
)

{% set is_known = 'changed_at < (select known_before from ' ~ ref('int_as_of') ~ ')' -%}
{%- for part, condition in [('changes', 'not is_first_seen'), ('closing', is_known), ('assumed_start', is_known), ('dated', is_known)] -%}
select
    opportunity_key,
    changed_at,
    change_id,
    is_current,
    is_recorded,
    stage_number,
    amount,
    close_date
from {{ part }}
where {{ condition }}
{{ 'union all' if not loop.last }}
{% endfor %}
