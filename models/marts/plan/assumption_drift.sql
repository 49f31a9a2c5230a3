{%- set family = 'partition by tested.plan_version, tested.cell_level' -%}
{%- set minimum_effect = var('drift_minimum_effect') ~ ' - 0.000000001' -%}
{%- set of_leads = "('lead_to_meeting_accepted_rate', 'days_lead_to_meeting_accepted')" %}

with tested as (
    select * from {{ ref('int_drift__tested') }}
),

-- Benjamini and Hochberg (J. R. Stat. Soc. B 57:289, 1995): of the breaches among all assumptions of
-- a plan at one level, no more than drift_alpha are false. Only what can be judged is counted.
ranked as (
    select
        tested.plan_version,
        tested.parameter,
        tested.cell_level,
        {{ cell('tested') }},
        tested.p_value * count(*) over ({{ family }}) as p_value_of_all,
        row_number() over ({{ family }} order by tested.p_value, tested.parameter, {{ cell('tested') }}) as p_rank
    from tested
    where tested.immature_reason is null
),

adjusted as (
    select
        plan_version,
        parameter,
        cell_level,
        {{ cell() }},
        min(p_value_of_all / p_rank) over (
            partition by plan_version, cell_level
            order by p_rank desc
            rows between unbounded preceding and current row
        ) as q_value
    from ranked
),

concluded as (
    select
        tested.plan_version,
        tested.parameter,
        tested.measure,
        tested.unit,
        tested.cell_level,
        {{ cell('tested') }},
        tested.assumed,
        tested.actual,
        tested.std_error,
        tested.n,
        tested.effective_n,
        tested.relative_difference,
        tested.immature_reason,
        tested.z_score,
        tested.p_value,
        tested.p_value_any_time,
        case when adjusted.q_value < 1 then adjusted.q_value when adjusted.q_value >= 1 then 1 end as q_value,
        -- none was assumed and some was seen: any effect is a large one
        coalesce(abs(tested.relative_difference) >= {{ minimum_effect }}, tested.actual > 0) as is_large,
        max(case when tested.parameter = 'lead_sourced_share' then tested.assumed end)
            over (partition by tested.plan_version, tested.cell_level, {{ cell('tested') }}) as assumed_lead_share
    from tested
    left join adjusted
        on
            tested.plan_version = adjusted.plan_version
            and tested.parameter = adjusted.parameter
            and tested.cell_level = adjusted.cell_level
            and {{ same_cell('tested', 'adjusted') }}
),

-- What comes of the goals if the rest of the plan holds: a rate or an amount moves bookings in its own
-- proportion, of leads only the part that begins as one; longer steps move bookings out of the plan.
-- And how much more pipeline reaches the same goals: as much as each opportunity brings less.
changed as (
    select
        concluded.*,
        plans.is_plan_in_force,
        case
            when concluded.immature_reason is not null then null
            when concluded.measure = 'rate' or concluded.parameter = 'won_amount' then concluded.relative_difference
            when concluded.measure = 'days' then -(concluded.actual - concluded.assumed) / 365 * 12 / plans.month_count
        end
        * case when concluded.parameter in {{ of_leads }} then coalesce(concluded.assumed_lead_share, 1) else 1 end as bookings_change,
        case
            when concluded.immature_reason is null and concluded.parameter in ('win_rate', 'won_amount')
                then {{ ratio('concluded.assumed', 'concluded.actual') }} - 1
        end as pipeline_change
    from concluded
    inner join {{ ref('int_drift__plans') }} as plans on concluded.plan_version = plans.plan_version
)

select
    changed.plan_version,
    changed.is_plan_in_force,
    changed.parameter,
    changed.cell_level,
    {{ published_cell('changed') }},
    changed.unit,
    changed.assumed,
    changed.actual,
    {% for bound, sign in [('lower', '-'), ('upper', '')] -%}
    case
        when changed.measure in ('rate', 'share') then {{ share_bound('changed.actual', 'changed.std_error', bound) }}
        when changed.actual > 0 and changed.std_error > 0
            then changed.actual * exp({{ sign }}least({{ range_score(0.95) }} * changed.std_error / changed.actual, 100))
    end as {{ bound }},
    {% endfor -%}
    changed.n,
    changed.effective_n,
    changed.relative_difference,
    changed.z_score,
    changed.p_value,
    changed.q_value,
    changed.p_value_any_time,
    case
        when changed.immature_reason is not null then 'immature'
        when changed.is_large and changed.q_value < {{ var('drift_alpha') }} then 'breach'
        when changed.is_large and changed.p_value < 2 * {{ var('drift_alpha') }} then 'watch'
        else 'ok'
    end as verdict,
    changed.immature_reason,
    cast(planned.planned_bookings * changed.bookings_change as decimal(28, 2)) as bookings_effect,
    cast(planned.planned_pipeline * changed.pipeline_change as decimal(28, 2)) as pipeline_effect,
    as_of.as_of_date
from changed
cross join {{ ref('int_as_of') }} as as_of
left join {{ ref('int_drift__planned') }} as planned
    on
        changed.plan_version = planned.plan_version
        and changed.cell_level = planned.cell_level
        and {{ same_cell('changed', 'planned') }}
