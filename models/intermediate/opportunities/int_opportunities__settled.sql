with opportunities as (
    select
        opportunities.*,
        current_state.qualified_at,
        -- What an opportunity is counted under is settled when it qualifies; until then it is today's.
        coalesce(current_state.qualified_at, as_of.known_before) as settled_at
    from {{ ref('crm_opportunities') }} as opportunities
    inner join {{ ref('int_opportunities__current') }} as current_state
        on opportunities.opportunity_key = current_state.opportunity_key
    cross join {{ ref('int_as_of') }} as as_of
),

-- What an opportunity's attributes are read from: itself, and its account.
entities as (
    select
        opportunity_key,
        crm,
        'opportunity' as entity,
        opportunity_id as entity_id,
        settled_at,
        qualified_at
    from opportunities
    union all
    select
        opportunity_key,
        crm,
        'account' as entity,
        account_id as entity_id,
        settled_at,
        qualified_at
    from opportunities
),

-- Today's value is right unless it was changed after that moment: then the first such change
-- tells what it was. Changes are few, so only the opportunities they concern are sorted.
later_changes as (
    select
        entities.opportunity_key,
        changes.attribute,
        changes.old_value,
        row_number() over (
            partition by entities.opportunity_key, changes.attribute
            order by changes.changed_at, changes.change_id
        ) as sequence
    from {{ ref('crm_attribute_changes') }} as changes
    inner join entities
        on
            changes.crm = entities.crm
            and changes.entity = entities.entity
            and changes.entity_id = entities.entity_id
            and (
                changes.changed_at > entities.settled_at
                or (changes.changed_at = entities.settled_at and entities.qualified_at is null)
            )
),

settled_changes as (
    select
        opportunity_key,
        max(case when attribute = 'owner_id' then 1 else 0 end) as has_owner,
        max(case when attribute = 'owner_id' then old_value end) as owner_id,
        max(case when attribute = 'lead_source' then 1 else 0 end) as has_lead_source,
        max(case when attribute = 'lead_source' then old_value end) as lead_source,
        max(case when attribute = 'deal_type' then 1 else 0 end) as has_deal_type,
        max(case when attribute = 'deal_type' then old_value end) as deal_type,
        max(case when attribute = 'employees' then 1 else 0 end) as has_employees,
        max(case when attribute = 'employees' then old_value end) as employees,
        max(case when attribute = 'country' then 1 else 0 end) as has_country,
        max(case when attribute = 'country' then old_value end) as country
    from later_changes
    where sequence = 1
    group by opportunity_key
)

select
    opportunities.opportunity_key,
    opportunities.crm,
    opportunities.settled_at,
    opportunities.record_type,
    opportunities.account_id is not null and accounts.account_id is null as is_account_dangling,
    opportunities.account_id is null as is_account_missing,
    accounts.industry,
    case when settled_changes.has_owner = 1 then settled_changes.owner_id else opportunities.owner_id end as owner_id,
    case when settled_changes.has_lead_source = 1 then settled_changes.lead_source else opportunities.lead_source_raw end
        as lead_source_raw,
    case when settled_changes.has_deal_type = 1 then settled_changes.deal_type else opportunities.deal_type_raw end as deal_type_raw,
    case when settled_changes.has_country = 1 then settled_changes.country else accounts.country end as country,
    case
        when settled_changes.has_employees = 1 then {{ number_to_integer(text_to_number('settled_changes.employees')) }}
        else accounts.employees
    end as employees
from opportunities
left join settled_changes on opportunities.opportunity_key = settled_changes.opportunity_key
left join {{ ref('crm_accounts') }} as accounts
    on opportunities.crm = accounts.crm and opportunities.account_id = accounts.account_id
