-- The spells since each plan was made, counted by cell and age. A spell that was under way then
-- enters at the age it had (delayed entry), so that a few months give a whole curve. Cells of which
-- a plan assumed nothing, such as renewals without a goal, are left out: there is nothing to hold
-- them against, and a company's rate with them is not the one that was assumed.
with known as (
    select
        assumed.plan_version,
        assumed.from_stage,
        assumed.to_stage,
        cells.cell_key
    from {{ ref('int_drift__assumed') }} as assumed
    inner join {{ ref('int_cells') }} as cells on {{ same_cell('assumed', 'cells') }}
    where assumed.measure = 'rate'
),

observed as (
    select
        known.plan_version,
        spells.from_stage,
        spells.to_stage,
        spells.cell_key,
        greatest({{ dbt.datediff('spells.entered_on', 'plans.starts_on', 'day') }}, 0) as entry_age,
        {{ dbt.datediff('spells.entered_on', 'spells.left_on', 'day') }} as exit_age,
        spells.cause,
        case when spells.entered_on >= plans.starts_on then 1 else 0 end as has_begun
    from {{ ref('int_estimates__spells') }} as spells
    inner join known
        on
            spells.cell_key = known.cell_key
            and spells.from_stage = known.from_stage
            and spells.to_stage = known.to_stage
    inner join {{ ref('int_drift__plans') }} as plans
        on
            known.plan_version = plans.plan_version
            and spells.left_on >= plans.starts_on
            and spells.entered_on <= plans.last_day
            -- past the horizon there is nothing left to see
            and spells.entered_on >= {{ dbt.dateadd('day', -(var('conversion_horizon_days') | int), 'plans.starts_on') }}
)

select
    plan_version,
    from_stage,
    to_stage,
    cell_key,
    entry_age as age_days,
    count(*) as entered,
    0 as departed,
    0 as advanced,
    0 as lost,
    0 as derailed,
    sum(has_begun) as begun
from observed
group by plan_version, from_stage, to_stage, cell_key, entry_age
union all
select
    plan_version,
    from_stage,
    to_stage,
    cell_key,
    exit_age as age_days,
    0 as entered,
    count(*) as departed,
    sum(case when cause = 1 then 1 else 0 end) as advanced,
    sum(case when cause = 2 then 1 else 0 end) as lost,
    sum(case when cause = 3 then 1 else 0 end) as derailed,
    0 as begun
from observed
group by plan_version, from_stage, to_stage, cell_key, exit_age
