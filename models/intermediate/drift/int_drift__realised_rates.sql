{#-
    Rates and times as assumed and as they were, at each level. The assumed value of a level is made
    from those of its cells, each weighed by what happened in it since the plan was made (indirect
    standardisation): more of a kind of deal than planned is no drift. docs/methods/drift.md.
-#}
-- What a rate is weighed by is the spells that began in the cell, a time by those that advanced.
with weights as (
    select
        counts.plan_version,
        counts.from_stage,
        counts.to_stage,
        {{ cell('cells') }},
        sum(counts.begun) as begun,
        sum(case when counts.age_days <= {{ var('conversion_horizon_days') }} then counts.advanced else 0 end) as advanced
    from {{ ref('int_drift__counts') }} as counts
    inner join {{ ref('int_cells') }} as cells on counts.cell_key = cells.cell_key
    group by counts.plan_version, counts.from_stage, counts.to_stage, {{ cell('cells') }}
),

weighed as (
    select
        assumed.plan_version,
        assumed.parameter,
        assumed.measure,
        assumed.unit,
        assumed.from_stage,
        assumed.to_stage,
        {{ cell('assumed') }},
        assumed.assumed_value,
        coalesce(case when assumed.measure = 'rate' then weights.begun else weights.advanced end, 0) as weight
    from {{ ref('int_drift__assumed') }} as assumed
    left join weights
        on
            assumed.plan_version = weights.plan_version
            and assumed.from_stage = weights.from_stage
            and assumed.to_stage = weights.to_stage
            and {{ same_cell('assumed', 'weights') }}
    where assumed.measure in ('rate', 'days')
),

levelled as (
    select
        weighed.plan_version,
        weighed.parameter,
        weighed.measure,
        weighed.unit,
        weighed.from_stage,
        weighed.to_stage,
        levels.cell_level,
        {{ cell_at_level('weighed') }},
        -- where nothing happened, every cell counts alike
        coalesce(
            {{ ratio('sum(weighed.weight * weighed.assumed_value)', 'sum(weighed.weight)') }}, avg(weighed.assumed_value)
        ) as assumed
    from weighed
    inner join {{ ref('cell_levels') }} as levels
        on
            levels.is_published = 1
            and levels.cell_level <> 'goal_cell'
            -- of a lead only the channel is known
            and (weighed.from_stage >= 0 or levels.cell_level in ('company', 'pipeline_source'))
    group by
        weighed.plan_version, weighed.parameter, weighed.measure, weighed.unit, weighed.from_stage, weighed.to_stage,
        {% for column in cell_columns() -%}
        case when levels.by_{{ column }} = 1 then weighed.{{ column }} else '*' end,
        {% endfor -%}
        levels.cell_level
)

select
    levelled.plan_version,
    levelled.parameter,
    levelled.measure,
    levelled.unit,
    levelled.cell_level,
    {{ cell('levelled') }},
    levelled.assumed,
    case when levelled.measure = 'rate' then rates.rate else rates.mean_days end as actual,
    case when levelled.measure = 'rate' then rates.std_error else rates.mean_days_std_error end as std_error,
    coalesce(case when levelled.measure = 'rate' then rates.n else rates.n_advanced end, 0) as n,
    coalesce(rates.n_advanced, 0) as n_events,
    -- A rate that was watched for part of the time is worth as many observations as a share with the
    -- same variance; a rate of none or all, those that ended.
    case
        when levelled.measure = 'days' then cast(coalesce(rates.n_advanced, 0) as {{ type_double() }})
        when rates.std_error > 0 and rates.rate > 0 and rates.rate < 1 then rates.rate * (1 - rates.rate) / power(rates.std_error, 2)
        else cast(coalesce(rates.n_ended, 0) as {{ type_double() }})
    end as effective_n,
    coalesce(rates.unseen_share, 0) as unseen_share
from levelled
left join {{ ref('int_drift__rates') }} as rates
    on
        levelled.plan_version = rates.plan_version
        and levelled.from_stage = rates.from_stage
        and levelled.to_stage = rates.to_stage
        and levelled.cell_level = rates.cell_level
        and {{ same_cell('levelled', 'rates') }}
