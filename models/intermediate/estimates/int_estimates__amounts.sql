with opportunities as (
    select
        {{ cell('attributes') }},
        cast(qualified.qualified_at as date) as qualified_on,
        qualified.created_amount,
        qualified.amount_flag,
        case when opportunities.lead_id is not null then 1 else 0 end as is_from_lead,
        case when current_state.outcome = 'won' then current_state.closed_on end as won_on,
        coalesce(current_state.amount, 0) as amount
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on qualified.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_opportunities__current') }} as current_state
        on qualified.opportunity_key = current_state.opportunity_key
    inner join {{ ref('crm_opportunities') }} as opportunities
        on qualified.opportunity_key = opportunities.opportunity_key
),

-- Two events, each in the window in which it happened: qualifying and being won.
events as (
    select
        {{ cell() }},
        qualified_on as happened_on,
        1 as created_count,
        case when amount_flag <> 'missing' then 1 else 0 end as created_known_count,
        is_from_lead as lead_sourced_count,
        created_amount,
        0 as won_count,
        0 as won_amount,
        0 as growth_count,
        0 as growth_won_amount,
        0 as growth_created_amount
    from opportunities
    union all
    select
        {{ cell() }},
        won_on as happened_on,
        0 as created_count,
        0 as created_known_count,
        0 as lead_sourced_count,
        0 as created_amount,
        case when amount > 0 then 1 else 0 end as won_count,
        amount as won_amount,
        -- growth compares the same deals, those whose amount was known at both ends
        case when amount_flag <> 'missing' and amount > 0 then 1 else 0 end as growth_count,
        case when amount_flag <> 'missing' and amount > 0 then amount else 0 end as growth_won_amount,
        case when amount_flag <> 'missing' and amount > 0 then created_amount else 0 end as growth_created_amount
    from opportunities
    where won_on is not null
),

by_cell as (
    select
        windows.estimation_window,
        {{ cell('events') }},
        sum(events.created_count) as created_count,
        sum(events.created_known_count) as created_known_count,
        sum(events.lead_sourced_count) as lead_sourced_count,
        sum(events.created_amount) as created_amount,
        sum(events.won_count) as won_count,
        sum(events.won_amount) as won_amount,
        sum(events.growth_count) as growth_count,
        sum(events.growth_won_amount) as growth_won_amount,
        sum(events.growth_created_amount) as growth_created_amount
    from events
    inner join {{ ref('int_estimates__windows') }} as windows
        on events.happened_on >= windows.starts_on and events.happened_on < windows.ends_before
    group by windows.estimation_window, {{ cell('events') }}
),

levelled as (
    select
        by_cell.estimation_window,
        levels.cell_level,
        {{ cell_at_level('by_cell') }},
        by_cell.created_count,
        by_cell.created_known_count,
        by_cell.lead_sourced_count,
        by_cell.created_amount,
        by_cell.won_count,
        by_cell.won_amount,
        by_cell.growth_count,
        by_cell.growth_won_amount,
        by_cell.growth_created_amount
    from by_cell
    cross join {{ ref('cell_levels') }} as levels
)

select
    estimation_window,
    cell_level,
    {{ cell() }},
    cast(sum(created_count) as integer) as created_count,
    cast(sum(created_known_count) as integer) as created_known_count,
    {{ ratio('sum(lead_sourced_count)', 'sum(created_count)') }} as lead_sourced_share,
    {{ ratio('sum(created_amount)', 'sum(created_known_count)') }} as amount_at_qualification,
    cast(sum(won_count) as integer) as won_count,
    {{ ratio('sum(won_amount)', 'sum(won_count)') }} as won_amount,
    cast(sum(growth_count) as integer) as growth_count,
    -- a ratio of sums: a mean of ratios would let the smallest deals speak loudest
    {{ ratio('sum(growth_won_amount)', 'sum(growth_created_amount)') }} as amount_growth
from levelled
group by estimation_window, cell_level, {{ cell() }}
