{#-
    Amounts, growth, lead share and source mix of each cell since each plan was made, as sums: y over
    x is the value, and with the squares its error at any level can be had. Of a mean x is a deal, of
    growth the amount at qualification, of the mix an opportunity of the goal cell.
-#}
{%- set events = [
    ('lead_sourced_share', 'created', 'created_count', 'created_count', 'lead_count', 'created_count', 'lead_count', 'lead_count'),
    ('amount_at_qualification', 'created', 'known_count', 'known_count', 'created_amount', 'known_count', 'created_amount', 'created_amount_squared'),
    ('won_amount', 'won', 'won_count', 'won_count', 'won_amount', 'won_count', 'won_amount', 'won_amount_squared'),
    ('amount_growth', 'won', 'growth_count', 'growth_created', 'growth_won', 'growth_created_squared', 'growth_product', 'growth_won_squared'),
] -%}

with opportunities as (
    select
        {{ cell('attributes') }},
        cast(qualified.qualified_at as date) as qualified_on,
        case when current_state.outcome = 'won' then current_state.closed_on end as won_on,
        cast(qualified.created_amount as {{ type_double() }}) as created_amount,
        cast(coalesce(current_state.amount, 0) as {{ type_double() }}) as amount,
        case when qualified.amount_flag <> 'missing' then 1 else 0 end as is_known,
        case when current_state.amount > 0 then 1 else 0 end as is_won_known,
        -- growth compares the same deals, those whose amount was known at both ends
        case when qualified.amount_flag <> 'missing' and current_state.amount > 0 then 1 else 0 end as is_comparable,
        case when opportunities.lead_id is not null then 1 else 0 end as is_from_lead
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on qualified.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_opportunities__current') }} as current_state
        on qualified.opportunity_key = current_state.opportunity_key
    inner join {{ ref('crm_opportunities') }} as opportunities
        on qualified.opportunity_key = opportunities.opportunity_key
),

-- Two events: qualifying and being won.
created as (
    select
        plans.plan_version,
        {{ cell('opportunities') }},
        count(*) as created_count,
        sum(opportunities.is_from_lead) as lead_count,
        sum(opportunities.is_known) as known_count,
        sum(opportunities.created_amount) as created_amount,
        sum(power(opportunities.created_amount, 2)) as created_amount_squared
    from opportunities
    inner join {{ ref('int_drift__plans') }} as plans on opportunities.qualified_on between plans.starts_on and plans.last_day
    group by plans.plan_version, {{ cell('opportunities') }}
),

won as (
    select
        plans.plan_version,
        {{ cell('opportunities') }},
        sum(opportunities.is_won_known) as won_count,
        sum(opportunities.amount) as won_amount,
        sum(power(opportunities.amount, 2)) as won_amount_squared,
        sum(opportunities.is_comparable) as growth_count,
        sum(opportunities.is_comparable * opportunities.created_amount) as growth_created,
        sum(opportunities.is_comparable * opportunities.amount) as growth_won,
        sum(opportunities.is_comparable * power(opportunities.created_amount, 2)) as growth_created_squared,
        sum(opportunities.is_comparable * opportunities.created_amount * opportunities.amount) as growth_product,
        sum(opportunities.is_comparable * power(opportunities.amount, 2)) as growth_won_squared
    from opportunities
    inner join {{ ref('int_drift__plans') }} as plans on opportunities.won_on between plans.starts_on and plans.last_day
    group by plans.plan_version, {{ cell('opportunities') }}
),

-- What a source brings is a share of its goal cell.
goal_cells as (
    select
        plan_version,
        segment,
        deal_type,
        territory,
        sum(created_count) as created_count
    from created
    group by plan_version, segment, deal_type, territory
),

summed as (
    {% for parameter, event, n, x, y, xx, xy, yy in events -%}
    select
        plan_version,
        '{{ parameter }}' as parameter,
        {{ cell() }},
        {{ n }} as n,
        cast({{ x }} as {{ type_double() }}) as x,
        cast({{ y }} as {{ type_double() }}) as y,
        cast({{ xx }} as {{ type_double() }}) as xx,
        cast({{ xy }} as {{ type_double() }}) as xy,
        cast({{ yy }} as {{ type_double() }}) as yy
    from {{ event }}
    union all
    {% endfor -%}
    select
        assumed.plan_version,
        'source_mix' as parameter,
        {{ cell('assumed') }},
        goal_cells.created_count as n,
        cast(goal_cells.created_count as {{ type_double() }}) as x,
        cast(coalesce(created.created_count, 0) as {{ type_double() }}) as y,
        cast(goal_cells.created_count as {{ type_double() }}) as xx,
        cast(coalesce(created.created_count, 0) as {{ type_double() }}) as xy,
        cast(coalesce(created.created_count, 0) as {{ type_double() }}) as yy
    from {{ ref('int_drift__assumed') }} as assumed
    inner join goal_cells
        on
            assumed.plan_version = goal_cells.plan_version
            and assumed.segment = goal_cells.segment
            and assumed.deal_type = goal_cells.deal_type
            and assumed.territory = goal_cells.territory
    left join created
        on assumed.plan_version = created.plan_version and {{ same_cell('assumed', 'created') }}
    where assumed.parameter = 'source_mix'
)

select
    plan_version,
    parameter,
    {{ cell() }},
    cast(n as integer) as n,
    x,
    y,
    xx,
    xy,
    yy
from summed
