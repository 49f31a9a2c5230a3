-- Every open opportunity that has qualified, with what a win would bring. One that has gone back to a
-- stage before qualification may still be won, and its creation has been counted: it is among them.
with as_of as (
    select as_of_date from {{ ref('int_as_of') }}
),

open_opportunities as (
    select
        current_state.opportunity_key,
        coalesce(current_state.amount, 0) as amount
    from {{ ref('int_opportunities__current') }} as current_state
    left join {{ ref('int_opportunities__activity') }} as activity
        on current_state.opportunity_key = activity.opportunity_key
    where
        current_state.outcome = 'open'
        and current_state.qualified_at is not null
        -- by policy these have derailed
        and not (coalesce(activity.is_zombie, false) and '{{ var("zombie_policy") }}' = 'derail')
),

-- The furthest stage reached, and when.
standing as (
    select
        milestones.opportunity_key,
        milestones.stage_number,
        cast(milestones.reached_at as date) as reached_on,
        row_number() over (partition by milestones.opportunity_key order by milestones.stage_number desc) as preference
    from {{ ref('int_opportunities__milestones') }} as milestones
    inner join open_opportunities on milestones.opportunity_key = open_opportunities.opportunity_key
    where milestones.stage_number < {{ var('won_stage') }}
),

growth as (
    select * from {{ ref('int_outlook__growth') }}
),

valued as (
    select
        open_opportunities.opportunity_key,
        {{ cell('attributes') }},
        cast(standing.stage_number as integer) as stage_number,
        cast({{ dbt.datediff('standing.reached_on', 'as_of.as_of_date', 'day') }} as integer) as age_days,
        open_opportunities.amount,
        coalesce(segments.growth, company.growth, 1) as growth,
        coalesce(segments.growth_variance, company.growth_variance, 0) as growth_variance
    from open_opportunities
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on open_opportunities.opportunity_key = attributes.opportunity_key
    inner join standing
        on open_opportunities.opportunity_key = standing.opportunity_key and standing.preference = 1
    left join growth as segments
        on
            attributes.segment = segments.segment
            and standing.stage_number = segments.stage_number
            and segments.deal_count >= {{ var('minimum_sample') }}
    left join growth as company
        on company.segment = '*' and standing.stage_number = company.stage_number
    cross join as_of
)

select
    opportunity_key,
    {{ cell() }},
    stage_number,
    age_days,
    amount,
    growth,
    growth_variance,
    cast(amount * growth as {{ money_type() }}) as amount_if_won
from valued
