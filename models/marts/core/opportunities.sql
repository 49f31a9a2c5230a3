select
    opportunities.opportunity_key,
    opportunities.opportunity_id,
    opportunities.crm,
    opportunities.name,
    opportunities.account_id,
    opportunities.lead_id,
    opportunities.owner_id as owner_id_current,
    attributes.owner_id as owner_id_as_of,
    {{ cell('attributes') }},
    attributes.entry_trigger,
    attributes.responsible_team,
    opportunities.record_type,
    opportunities.stage_name as stage_name_current,
    current_state.stage_number,
    current_state.outcome,
    opportunities.created_at,
    current_state.meeting_accepted_at,
    current_state.meeting_completed_at,
    current_state.qualified_at,
    current_state.closed_at,
    current_state.closed_on,
    current_state.close_date,
    current_state.amount,
    opportunities.amount_original as amount_original_current,
    opportunities.currency,
    qualified.created_amount as amount_at_qualification,
    qualified.amount_flag,
    current_state.pipeline_status,
    current_state.skipped_stage_count,
    current_state.regression_count,
    current_state.reopening_count,
    current_state.slip_count,
    current_state.is_history_disagreeing,
    opportunities.self_reported_source,
    opportunities.repairs,
    as_of.as_of_date
from {{ ref('int_opportunities__current') }} as current_state
inner join {{ ref('crm_opportunities') }} as opportunities
    on current_state.opportunity_key = opportunities.opportunity_key
inner join {{ ref('int_opportunities__attributed') }} as attributes
    on current_state.opportunity_key = attributes.opportunity_key
left join {{ ref('int_opportunities__qualified') }} as qualified
    on current_state.opportunity_key = qualified.opportunity_key
cross join {{ ref('int_as_of') }} as as_of
