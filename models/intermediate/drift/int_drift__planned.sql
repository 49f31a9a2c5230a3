-- The bookings and the pipeline that depend on an assumption: the goals and the targets of a plan's
-- months, at each level. A goal has no source; it is divided among the sources of its goal cell in
-- the proportions of their pipeline targets.
with goals as (
    select
        plans.plan_version,
        goals.segment,
        goals.deal_type,
        goals.territory,
        cast(sum(goals.bookings_goal) as {{ type_double() }}) as bookings_goal
    from {{ ref('int_goals') }} as goals
    inner join {{ ref('int_drift__plans') }} as plans on goals.fiscal_month between plans.first_month and plans.last_month
    group by plans.plan_version, goals.segment, goals.deal_type, goals.territory
),

targets as (
    select
        targets.plan_version,
        {{ cell('targets') }},
        cast(sum(targets.target_amount) as {{ type_double() }}) as target_amount
    from {{ ref('pipeline_targets') }} as targets
    inner join {{ ref('int_drift__plans') }} as plans
        on
            targets.plan_version = plans.plan_version
            and targets.fiscal_month between plans.first_month and plans.last_month
    where targets.funnel_step = 'qualified' and targets.target_amount > 0
    group by targets.plan_version, {{ cell('targets') }}
),

shares as (
    select
        *,
        target_amount / sum(target_amount) over (partition by plan_version, segment, deal_type, territory) as share
    from targets
),

-- A goal without a target stays undivided: it counts where the sources do not.
facts as (
    select
        coalesce(shares.plan_version, goals.plan_version) as plan_version,
        coalesce(shares.segment, goals.segment) as segment,
        coalesce(shares.deal_type, goals.deal_type) as deal_type,
        coalesce(shares.territory, goals.territory) as territory,
        coalesce(shares.pipeline_source, '*') as pipeline_source,
        coalesce(shares.custom_dimension, '*') as custom_dimension,
        goals.bookings_goal * coalesce(shares.share, 1) as planned_bookings,
        shares.target_amount as planned_pipeline
    from goals
    full outer join shares
        on
            goals.plan_version = shares.plan_version
            and goals.segment = shares.segment
            and goals.deal_type = shares.deal_type
            and goals.territory = shares.territory
),

levelled as (
    select
        facts.plan_version,
        levels.cell_level,
        {{ cell_at_level('facts') }},
        facts.planned_bookings,
        facts.planned_pipeline
    from facts
    inner join {{ ref('cell_levels') }} as levels
        on
            levels.is_published = 1
            and levels.cell_level <> 'goal_cell'
            and (facts.pipeline_source <> '*' or levels.by_pipeline_source + levels.by_custom_dimension = 0)
)

select
    plan_version,
    cell_level,
    {{ cell() }},
    sum(planned_bookings) as planned_bookings,
    sum(planned_pipeline) as planned_pipeline
from levelled
group by plan_version, cell_level, {{ cell() }}
