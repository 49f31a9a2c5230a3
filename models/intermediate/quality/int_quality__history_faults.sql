{#- What can be wrong with a row of a history, and when it is. The first four leave it unpublished, in this order. -#}
{%- set unpublished = {
    'missing_id': 'changes.opportunity_id is null',
    'missing_changed_at': 'changes.changed_at is null',
    'impossible_changed_at': is_impossible_moment('changes.changed_at', 'changes.loaded_at'),
    'unknown_opportunity': 'opportunities.opportunity_id is null and not changes.is_deleted',
} -%}
{%- set published = {
    'history_stage_unmapped': 'names.is_respelled is null',
    'history_stage_respelled': 'names.is_respelled',
    'history_amount_unusable':
        'changes.amount_original < 0 or cast(changes.amount_original as ' ~ type_double() ~ ') * coalesce(opportunities.corporate_rate, 1) >= ' ~ var('absurd_amount'),
    'history_close_date_unusable':
        is_impossible_date('changes.close_date') ~ ' or ' ~ is_far_close_date('changes.close_date', 'opportunities.created_at'),
    'history_before_creation': 'changes.changed_at < opportunities.created_at',
} -%}

-- One look at the long histories finds everything that is wrong with their rows.
with names as (
    {{ spelled_stages(ref('int_stage_map')) }}
),

examined as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        changes.opportunity_id,
        changes.changed_at,
        changes.loaded_at,
        changes.amount_original,
        case
            {%- for fault, condition in unpublished.items() %}
            when {{ condition }} then '{{ fault }}'
            {%- endfor %}
        end as reason,
        {% for fault, condition in published.items() -%}
        case when {{ condition }} then '{{ fault }},' else '' end{{ ' ||' if not loop.last else ' as faults,' }}
        {% endfor -%}
        opportunities.opportunity_id is not null and not changes.is_deleted as is_published
    from {{ ref('stg_' ~ crm ~ '__opportunity_changes') }} as changes
    left join {{ ref('crm_opportunities') }} as opportunities
        on changes.opportunity_id = opportunities.opportunity_id and opportunities.crm = '{{ crm }}'
    left join names on changes.stage_name = names.stage_name and names.crm = '{{ crm }}'
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

split as (
    select
        crm,
        opportunity_id,
        changed_at,
        loaded_at,
        amount_original,
        {{ split_to_rows('faults', ',') }} as fault
    from examined
    where reason is null and is_published and faults <> ''
)

select
    crm,
    opportunity_id,
    reason as fault,
    true as is_quarantined,
    changed_at,
    loaded_at,
    amount_original
from examined
where reason is not null
union all
select
    crm,
    opportunity_id,
    fault,
    false as is_quarantined,
    changed_at,
    loaded_at,
    amount_original
from split
where fault <> ''
