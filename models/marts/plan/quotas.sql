{%- set period = 'plan_version, fiscal_month' -%}
-- The targets in force as whole opportunities and cents, by responsible team and owner: a team's quotas are
-- its target, and its owners' quotas are the team's.
with teams as (
    select
        pipeline_source,
        max(responsible_team) as responsible_team
    from {{ ref('pipeline_source_map') }}
    where valid_to is null
    group by pipeline_source
),

targets as (
    select
        vintages.plan_version,
        vintages.fiscal_month,
        vintages.fiscal_quarter,
        coalesce(teams.responsible_team, 'unmapped') as responsible_team,
        sum(vintages.target_count) as target_count,
        sum(vintages.target_amount) * 100 as target_cents
    from {{ ref('target_vintages') }} as vintages
    left join teams on vintages.pipeline_source = teams.pipeline_source
    where vintages.is_plan_in_force and vintages.funnel_step = 'qualified' and vintages.target_count is not null
    group by 1, 2, 3, 4
),

companies as (
    select
        *,
        round(sum(target_count) over (partition by {{ period }}), 0) as company_count
    from targets
),

by_team as (
    select
        *,
        {{ largest_remainder('target_count', 'company_count', period, 'responsible_team') }} as team_count
    from companies
),

-- Who carries a team's quota in that month, and in which part; a team that nobody carries carries itself.
carried as (
    select
        by_team.*,
        coalesce(owners.owner_id, 'team') as owner_id,
        coalesce(owners.weight, 1) as weight,
        sum(coalesce(owners.weight, 1)) over (partition by by_team.plan_version, by_team.fiscal_month, by_team.responsible_team)
            as team_weight
    from by_team
    left join {{ ref('quota_owners') }} as owners
        on
            by_team.responsible_team = owners.responsible_team
            and by_team.fiscal_month >= coalesce(owners.valid_from, by_team.fiscal_month)
            and by_team.fiscal_month < coalesce(owners.valid_to, cast('9999-12-31' as date))
),

by_owner as (
    select
        *,
        {{ ratio('team_count * weight', 'team_weight') }} as exact_count,
        {{ ratio('target_cents * weight', 'team_weight') }} as exact_cents
    from carried
)

select
    by_owner.plan_version,
    by_owner.fiscal_month,
    by_owner.fiscal_quarter,
    by_owner.responsible_team,
    by_owner.owner_id,
    cast(by_owner.target_count * by_owner.weight / by_owner.team_weight as decimal(28, 4)) as target_count,
    cast(
        {{ largest_remainder('exact_count', 'team_count', period ~ ', responsible_team', 'owner_id') }} as integer
    ) as quota_count,
    cast(
        ({{ largest_remainder('exact_cents', 'target_cents', period ~ ', responsible_team', 'owner_id') }}) / 100.0 as decimal(28, 2)
    ) as quota_amount,
    as_of.as_of_date
from by_owner
cross join {{ ref('int_as_of') }} as as_of
