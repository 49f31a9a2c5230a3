{#-
    By how much the amount an opportunity has while it stands at a stage still grows until it is won.
    Every day a deal that was won in the end stood at the stage counts once, as in a list of open
    opportunities drawn up on a day of its own: sum of the amounts won over sum of the amounts held.
-#}
with won as (
    select
        current_state.opportunity_key,
        attributes.segment,
        current_state.amount as won_amount
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    where current_state.outcome = 'won' and current_state.amount > 0
),

-- The days a version stood while the deal was open, at the furthest stage reached by then.
held as (
    select
        won.opportunity_key,
        won.segment,
        won.won_amount,
        greatest(coalesce(versions.highest_stage_before, -1), versions.stage_number) as stage_number,
        versions.amount as held_amount,
        {{ dbt.datediff('versions.valid_from', 'versions.valid_to', 'day') }} as days
    from won
    inner join {{ ref('int_opportunities__versioned') }} as versions
        on won.opportunity_key = versions.opportunity_key
    where versions.stage_number < {{ var('won_stage') }} and versions.amount > 0 and versions.valid_to > versions.valid_from
),

levelled as (
    select
        held.*,
        case when levels.by_segment = 1 then held.segment else '*' end as level_segment
    from held
    cross join {{ ref('cell_levels') }} as levels
    where
        levels.cell_level in ('company', 'segment')
        and held.days > 0
        and held.stage_number >= {{ var('qualifying_stage') }} and held.stage_number < {{ var('won_stage') }}
),

summed as (
    select
        level_segment,
        stage_number,
        count(distinct opportunity_key) as deal_count,
        -- exact until here, so that every warehouse comes to the same floating point number
        cast(sum(days * won_amount) as {{ type_double() }}) as won_amount,
        cast(sum(days * held_amount) as {{ type_double() }}) as held_amount,
        cast(sum(won_amount * won_amount * days) as {{ type_double() }}) as won_squared,
        cast(sum(held_amount * held_amount * days) as {{ type_double() }}) as held_squared,
        cast(sum(won_amount * held_amount * days) as {{ type_double() }}) as product
    from levelled
    group by level_segment, stage_number
),

measured as (
    select
        *,
        won_amount / held_amount as growth
    from summed
)

select
    level_segment as segment,
    cast(stage_number as integer) as stage_number,
    cast(deal_count as integer) as deal_count,
    cast(growth as decimal(18, 9)) as growth,
    -- what is left of the amounts won once all are taken to have grown alike, relative to what was expected
    cast(
        greatest(won_squared - 2 * growth * product + growth * growth * held_squared, 0) / (growth * growth * held_squared)
        as decimal(18, 9)
    ) as growth_variance
from measured
