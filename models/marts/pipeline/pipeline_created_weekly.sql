with milestones as (
    select
        calendar.week_start,
        calendar.fiscal_quarter,
        {{ cell('attributes') }},
        case when milestones.stage_number = 0 then 1 else 0 end as stage0_count,
        case when milestones.stage_number = 1 then 1 else 0 end as stage1_count,
        0 as created_count,
        cast(0 as {{ money_type() }}) as created_amount
    from {{ ref('int_opportunities__milestones') }} as milestones
    inner join {{ ref('int_opportunities__current') }} as current_state
        on milestones.opportunity_key = current_state.opportunity_key
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on milestones.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_calendar') }} as calendar
        on cast(milestones.reached_at as date) = calendar.date_day
    where milestones.stage_number in (0, 1) and current_state.outcome <> 'deleted'
),

created as (
    select
        week_start,
        fiscal_quarter,
        {{ cell() }},
        0 as stage0_count,
        0 as stage1_count,
        1 as created_count,
        created_amount
    from {{ ref('pipeline_created') }}
),

month_lengths as (
    select
        fiscal_month,
        cast(count(*) as {{ type_double() }}) as days
    from {{ ref('int_calendar') }}
    group by fiscal_month
),

-- A month's target falls evenly on its days, so that weeks sum to quarters like the actuals.
targets as (
    select
        calendar.week_start,
        calendar.fiscal_quarter,
        {{ cell('targets') }},
        sum(targets.target_count / month_lengths.days) as target_count,
        sum(targets.target_amount / month_lengths.days) as target_amount
    from {{ ref('pipeline_targets') }} as targets
    inner join {{ ref('int_plan_in_force') }} as plan_in_force
        on
            targets.plan_version = plan_in_force.plan_version
            and targets.fiscal_month = plan_in_force.fiscal_month
    inner join {{ ref('int_calendar') }} as calendar on targets.fiscal_month = calendar.fiscal_month
    inner join month_lengths on targets.fiscal_month = month_lengths.fiscal_month
    where targets.funnel_step = 'qualified'
    group by calendar.week_start, calendar.fiscal_quarter, {{ cell('targets') }}
),

unioned as (
    select week_start, fiscal_quarter, {{ cell() }}, stage0_count, stage1_count, created_count, created_amount from milestones
    union all
    select week_start, fiscal_quarter, {{ cell() }}, stage0_count, stage1_count, created_count, created_amount from created
),

actuals as (
    select
        week_start,
        fiscal_quarter,
        {{ cell() }},
        sum(stage0_count) as stage0_count,
        sum(stage1_count) as stage1_count,
        sum(created_count) as created_count,
        sum(created_amount) as created_amount
    from unioned
    group by week_start, fiscal_quarter, {{ cell() }}
),

keys as (
    select week_start, fiscal_quarter, {{ cell() }} from actuals
    union
    select week_start, fiscal_quarter, {{ cell() }} from targets
)

select
    keys.week_start,
    keys.fiscal_quarter,
    {{ cell('keys') }},
    cast(coalesce(actuals.stage0_count, 0) as integer) as stage0_count,
    cast(coalesce(actuals.stage1_count, 0) as integer) as stage1_count,
    cast(coalesce(actuals.created_count, 0) as integer) as created_count,
    cast(coalesce(actuals.created_amount, 0) as decimal(28, 2)) as created_amount,
    targets.target_count,
    targets.target_amount,
    as_of.as_of_date
from keys
cross join {{ ref('int_as_of') }} as as_of
left join actuals on keys.week_start = actuals.week_start and {{ same_cell('keys', 'actuals') }}
left join targets on keys.week_start = targets.week_start and {{ same_cell('keys', 'targets') }}
