{#- The repair rules of crm_opportunities, by their names there. -#}
{%- set repairs = [
    'amount_unreadable', 'amount_negative', 'amount_absurd', 'currency_without_rate',
    'close_date_unreadable', 'close_date_impossible', 'close_before_creation',
] -%}

with examined as (
    select
        opportunities.crm,
        coalesce(opportunities.amount, 0) as amount,
        opportunities.repairs,
        opportunities.stage_number,
        opportunities.segment,
        opportunities.deal_type,
        opportunities.territory,
        opportunities.pipeline_source,
        opportunities.amount_flag,
        opportunities.pipeline_status,
        opportunities.is_history_disagreeing,
        attributes.is_account_dangling,
        attributes.owner_id is not null and attributes.owner_team is null and users.user_id is null as is_owner_dangling
    from {{ ref('opportunities') }} as opportunities
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on opportunities.opportunity_key = attributes.opportunity_key
    left join {{ ref('crm_users') }} as users
        on opportunities.crm = users.crm and attributes.owner_id = users.user_id
    where opportunities.outcome <> 'deleted'
),

found as (
    {% for rule in repairs -%}
    select crm, 'repaired' as handling, '{{ rule }}' as rule, amount from examined where repairs like '%{{ rule }}%'
    union all
    {% endfor -%}
    select crm, 'flagged' as handling, 'stage_unmapped' as rule, amount from examined where stage_number = -1
    union all
    {% for dimension in ['segment', 'deal_type', 'territory', 'pipeline_source'] -%}
    select crm, 'flagged' as handling, '{{ dimension }}_unmapped' as rule, amount from examined where {{ dimension }} = 'unmapped'
    union all
    {% endfor -%}
    select crm, 'flagged' as handling, 'account_dangling' as rule, amount from examined where is_account_dangling
    union all
    select crm, 'flagged' as handling, 'owner_dangling' as rule, amount from examined where is_owner_dangling
    union all
    select crm, 'flagged' as handling, 'history_disagrees' as rule, amount from examined where is_history_disagreeing
    union all
    select crm, 'flagged' as handling, 'amount_missing_at_qualification' as rule, amount from examined where amount_flag = 'missing'
    union all
    select crm, 'flagged' as handling, 'open_close_date_past' as rule, amount from examined where pipeline_status = 'close_date_past'
    union all
    select crm, 'quarantined' as handling, contract_table || '_' || reason as rule, coalesce(amount, 0) as amount
    from {{ ref('quarantine') }}
)

select
    found.crm,
    found.rule,
    found.handling,
    cast(count(*) as bigint) as row_count,
    cast(sum(found.amount) as decimal(28, 2)) as amount_affected,
    as_of.as_of_date
from found
cross join {{ ref('int_as_of') }} as as_of
group by found.crm, found.rule, found.handling, as_of.as_of_date
