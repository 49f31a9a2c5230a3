-- A view: a copy of the ten million strings of a large history would cost more than it saves.
with unioned as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        change_id,
        opportunity_id,
        changed_at,
        stage_name,
        amount_original,
        close_date,
        forecast_category,
        owner_id,
        changed_by,
        history_quality,
        history_source,
        loaded_at
    from {{ ref('stg_' ~ crm ~ '__opportunity_changes') }}
    where opportunity_id is not null and {{ is_possible_moment('changed_at', 'loaded_at') }} and not is_deleted
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {%- if var('snapshot_crms') %}
    union all
    select *
    from (
        {{ recorded_by_snapshot() }}
    ) as recorded
    {%- endif %}
)

select
    opportunities.opportunity_key,
    changes.opportunity_id,
    changes.crm,
    changes.change_id,
    -- Nothing changes before it exists: such a change counts from the creation on.
    greatest(changes.changed_at, opportunities.created_at) as changed_at,
    changes.stage_name,
    case
        when
            changes.amount_original >= 0
            and cast(changes.amount_original as {{ type_double() }}) * opportunities.corporate_rate < {{ var('absurd_amount') }}
            then {{ in_corporate_currency('changes.amount_original', 'opportunities.corporate_rate') }}
    end as amount,
    case
        when {{ is_possible_date('changes.close_date') }} and not {{ is_far_close_date('changes.close_date', 'opportunities.created_at') }}
            then changes.close_date
    end as close_date,
    changes.forecast_category,
    changes.owner_id,
    changes.changed_by,
    changes.history_quality,
    changes.history_source,
    opportunities.record_type,
    changes.loaded_at
from unioned as changes
-- A change of an opportunity that does not exist goes to quarantine.
inner join {{ ref('crm_opportunities') }} as opportunities
    on changes.crm = opportunities.crm and changes.opportunity_id = opportunities.opportunity_id
