{%- set standard = ['segment', 'deal_type', 'territory', 'pipeline_source'] -%}
{%- set custom = var('plan_dimensions') | reject('in', standard) | list -%}

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

-- Today's value is right unless it was changed after that moment: then the first such change
-- tells what it was. Changes are few, so only the opportunities they concern are sorted.
later_changes as (
    select
        opportunities.opportunity_key,
        changes.attribute,
        changes.old_value,
        row_number() over (
            partition by opportunities.opportunity_key, changes.attribute
            order by changes.changed_at, changes.change_id
        ) as sequence
    from {{ ref('crm_attribute_changes') }} as changes
    inner join opportunities
        on
            changes.crm = opportunities.crm
            and changes.entity_id = opportunities.opportunity_id
            and changes.changed_at >= opportunities.settled_at
    where changes.entity = 'opportunity'
    union all
    select
        opportunities.opportunity_key,
        changes.attribute,
        changes.old_value,
        row_number() over (
            partition by opportunities.opportunity_key, changes.attribute
            order by changes.changed_at, changes.change_id
        ) as sequence
    from {{ ref('crm_attribute_changes') }} as changes
    inner join opportunities
        on
            changes.crm = opportunities.crm
            and changes.entity_id = opportunities.account_id
            and changes.changed_at >= opportunities.settled_at
    where changes.entity = 'account'
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
),

settled as (
    select
        opportunities.opportunity_key,
        opportunities.crm,
        opportunities.settled_at,
        opportunities.record_type,
        opportunities.account_id is not null and accounts.account_id is null as is_account_dangling,
        opportunities.account_id is null as is_account_missing,
        accounts.industry,
        case when settled_changes.has_owner = 1 then settled_changes.owner_id else opportunities.owner_id end as owner_id,
        case when settled_changes.has_lead_source = 1 then settled_changes.lead_source else opportunities.lead_source_raw end as lead_source_raw,
        case when settled_changes.has_deal_type = 1 then settled_changes.deal_type else opportunities.deal_type_raw end as deal_type_raw,
        case when settled_changes.has_country = 1 then settled_changes.country else accounts.country end as country,
        case
            when settled_changes.has_employees = 1 then cast({{ text_to_number('settled_changes.employees') }} as integer)
            else accounts.employees
        end as employees
    from opportunities
    left join settled_changes on opportunities.opportunity_key = settled_changes.opportunity_key
    left join {{ ref('crm_accounts') }} as accounts
        on opportunities.crm = accounts.crm and opportunities.account_id = accounts.account_id
),

mapped as (
    select
        settled.opportunity_key,
        settled.settled_at,
        settled.owner_id,
        settled.lead_source_raw,
        settled.deal_type_raw,
        settled.country,
        settled.employees,
        settled.record_type,
        settled.industry,
        settled.is_account_dangling,
        settled.is_account_missing,
        settled.owner_id is not null and users.user_id is null as is_owner_dangling,
        coalesce(segments.segment, 'unmapped') as mapped_segment,
        coalesce(deal_types.deal_type, 'unmapped') as mapped_deal_type,
        coalesce(territories.territory, 'unmapped') as mapped_territory,
        coalesce(sources.pipeline_source, 'unmapped') as mapped_pipeline_source,
        coalesce(sources.entry_trigger, 'unmapped') as entry_trigger,
        coalesce(sources.responsible_team, 'unmapped') as responsible_team,
        users.team as owner_team
    from settled
    left join {{ ref('segment_rules') }} as segments
        on
            settled.employees >= segments.min_employees
            and settled.employees <= coalesce(segments.max_employees, 2147483647)
    left join {{ ref('deal_type_map') }} as deal_types
        on settled.crm = deal_types.crm and settled.deal_type_raw = deal_types.deal_type_raw
    left join {{ ref('territory_map') }} as territories
        on settled.country = territories.country
    left join {{ ref('pipeline_source_map') }} as sources
        on
            settled.crm = sources.crm
            and settled.lead_source_raw = sources.lead_source
            and cast(settled.settled_at as date) >= coalesce(sources.valid_from, cast('1900-01-01' as date))
            and cast(settled.settled_at as date) < coalesce(sources.valid_to, cast('2999-12-31' as date))
    left join {{ ref('crm_users') }} as users
        on settled.crm = users.crm and settled.owner_id = users.user_id
),

celled as (
    select
        mapped.*,
        -- The planning cell: a dimension that is not planned by has one value for all.
        {% for dimension in standard -%}
            {{ 'mapped_' ~ dimension if dimension in var('plan_dimensions') else "'all'" }} as {{ dimension }},
        {% endfor -%}
        {% if custom -%}
            {% for dimension in custom -%}
                coalesce(cast({{ dimension }} as {{ dbt.type_string() }}), 'unmapped'){{ " || ' | ' || " if not loop.last }}
            {%- endfor %}
        {%- else -%} 'all' {%- endif %} as custom_dimension
    from mapped
)

select
    opportunity_key,
    settled_at,
    owner_id,
    owner_team,
    lead_source_raw,
    deal_type_raw,
    country,
    employees,
    is_account_dangling,
    is_account_missing,
    is_owner_dangling,
    entry_trigger,
    responsible_team,
    {{ cell() }},
    {{ cell_key(*cell_columns()) }} as cell_key
from celled
