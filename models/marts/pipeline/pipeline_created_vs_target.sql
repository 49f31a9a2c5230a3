{%- set to_date = 'partition by plan_version, ' ~ cell() ~ ', {} order by fiscal_month rows between unbounded preceding and current row' -%}

with as_of as (
    select
        as_of.as_of_date,
        calendar.fiscal_month
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

created as (
    select
        fiscal_month,
        {{ cell() }},
        count(*) as created_count,
        sum(created_amount) as created_amount
    from {{ ref('pipeline_created') }}
    group by fiscal_month, {{ cell() }}
),

targets as (
    select
        plan_version,
        fiscal_month,
        {{ cell() }},
        target_count,
        target_amount
    from {{ ref('pipeline_targets') }}
    where funnel_step = 'qualified'
),

needs as (
    select
        fiscal_month,
        {{ cell() }},
        target_count as need_current_count,
        target_amount as need_current_amount
    from {{ ref('current_need') }}
    where funnel_step = 'qualified'
),

-- Which team answers for a source today; a source that nobody answers for is 'unmapped'.
teams as (
    select
        pipeline_source,
        max(responsible_team) as responsible_team
    from {{ ref('pipeline_source_map') }}
    where valid_to is null
    group by pipeline_source
),

joined as (
    select
        spine.fiscal_month,
        spine.fiscal_quarter,
        spine.fiscal_year,
        {{ cell('spine') }},
        spine.plan_version,
        coalesce(spine.plan_version = plan_in_force.plan_version, true) as is_plan_in_force,
        case
            when spine.pipeline_source = 'all' then 'all'
            else coalesce(teams.responsible_team, 'unmapped')
        end as responsible_team,
        case
            when spine.fiscal_month < as_of.fiscal_month then 'past'
            when spine.fiscal_month = as_of.fiscal_month then 'current'
            else 'future'
        end as period_status,
        cast(coalesce(created.created_count, 0) as integer) as created_count,
        coalesce(created.created_amount, 0) as created_amount,
        targets.target_count,
        targets.target_amount,
        -- To date a plan that was made within the year goes on from the one that was in force before.
        case when plans.plan_version is not null then targets.target_count else earlier.target_count end as counted_count,
        case when plans.plan_version is not null then targets.target_amount else earlier.target_amount end as counted_amount,
        needs.need_current_count,
        needs.need_current_amount,
        as_of.as_of_date
    from {{ ref('int_plan__spine') }} as spine
    cross join as_of
    left join created on spine.fiscal_month = created.fiscal_month and {{ same_cell('spine', 'created') }}
    left join targets
        on
            spine.plan_version = targets.plan_version
            and spine.fiscal_month = targets.fiscal_month
            and {{ same_cell('spine', 'targets') }}
    left join needs on spine.fiscal_month = needs.fiscal_month and {{ same_cell('spine', 'needs') }}
    left join teams on spine.pipeline_source = teams.pipeline_source
    left join {{ ref('int_plan_in_force') }} as plan_in_force on spine.fiscal_month = plan_in_force.fiscal_month
    left join {{ ref('plan_versions') }} as plans
        on spine.plan_version = plans.plan_version and spine.fiscal_month between plans.first_month and plans.last_month
    left join targets as earlier
        on
            plan_in_force.plan_version = earlier.plan_version
            and spine.fiscal_month = earlier.fiscal_month
            and {{ same_cell('spine', 'earlier') }}
)

select
    fiscal_month,
    fiscal_quarter,
    {{ cell() }},
    plan_version,
    is_plan_in_force,
    responsible_team,
    period_status,
    created_count,
    cast(created_amount as decimal(28, 2)) as created_amount,
    target_count,
    target_amount,
    need_current_count,
    need_current_amount,
    -- A month that has not begun has no attainment, nor has a month without a target.
    case when period_status <> 'future' then {{ ratio('created_count', 'target_count') }} end as attainment_count,
    case when period_status <> 'future' then {{ ratio('created_amount', 'target_amount') }} end as attainment_amount,
    cast(created_count - target_count as decimal(28, 4)) as variance_count,
    cast(created_amount - target_amount as decimal(28, 2)) as variance_amount,
    cast(sum(created_count) over ({{ to_date.format('fiscal_quarter') }}) as integer) as qtd_created_count,
    cast(sum(created_amount) over ({{ to_date.format('fiscal_quarter') }}) as decimal(28, 2)) as qtd_created_amount,
    cast(sum(counted_count) over ({{ to_date.format('fiscal_quarter') }}) as decimal(28, 4)) as qtd_target_count,
    cast(sum(counted_amount) over ({{ to_date.format('fiscal_quarter') }}) as decimal(28, 2)) as qtd_target_amount,
    cast(sum(created_count) over ({{ to_date.format('fiscal_year') }}) as integer) as ytd_created_count,
    cast(sum(created_amount) over ({{ to_date.format('fiscal_year') }}) as decimal(28, 2)) as ytd_created_amount,
    cast(sum(counted_count) over ({{ to_date.format('fiscal_year') }}) as decimal(28, 4)) as ytd_target_count,
    cast(sum(counted_amount) over ({{ to_date.format('fiscal_year') }}) as decimal(28, 2)) as ytd_target_amount,
    as_of_date
from joined
