{#-
    Aalen-Johansen cumulative incidence of advancing, with losing as the competing risk and
    opportunities that are still open counted only as long as they were seen. Within a window an
    older spell enters at the age it had when the window opened (delayed entry), so that one
    quarter's events give a whole curve. Methods: docs/methods/conversion.md.
-#}
{%- set curve = 'estimation_window, from_stage, to_stage, cell_level, ' ~ cell() -%}
{%- set by_age = 'partition by ' ~ curve ~ ' order by age_days' -%}

with windows as (
    select
        estimation_window,
        starts_on,
        cast({{ dbt.dateadd('day', -1, 'ends_before') }} as date) as last_day
    from {{ ref('int_estimates__windows') }}
),

observed as (
    select
        spells.cell_key,
        windows.estimation_window,
        spells.from_stage,
        spells.to_stage,
        greatest({{ dbt.datediff('spells.entered_on', 'windows.starts_on', 'day') }}, 0) as entry_age,
        {{ dbt.datediff('spells.entered_on', 'least(spells.left_on, windows.last_day)', 'day') }} as exit_age,
        case when spells.left_on <= windows.last_day then spells.cause else 0 end as cause
    from {{ ref('int_estimates__spells') }} as spells
    inner join windows
        on spells.entered_on <= windows.last_day and spells.left_on >= windows.starts_on
),

-- From here on the work is by cell and age, no longer by spell.
counted as (
    select
        cell_key,
        estimation_window,
        from_stage,
        to_stage,
        entry_age as age_days,
        count(*) as entered,
        0 as departed,
        0 as advanced,
        0 as terminated
    from observed
    group by cell_key, estimation_window, from_stage, to_stage, entry_age
    union all
    select
        cell_key,
        estimation_window,
        from_stage,
        to_stage,
        exit_age as age_days,
        0 as entered,
        count(*) as departed,
        sum(case when cause = 1 then 1 else 0 end) as advanced,
        sum(case when cause > 0 then 1 else 0 end) as terminated
    from observed
    group by cell_key, estimation_window, from_stage, to_stage, exit_age
),

levelled as (
    select
        counted.estimation_window,
        counted.from_stage,
        counted.to_stage,
        levels.cell_level,
        {{ cell_at_level('cells') }},
        counted.age_days,
        counted.entered,
        counted.departed,
        counted.advanced,
        counted.terminated
    from counted
    inner join {{ ref('int_cells') }} as cells on counted.cell_key = cells.cell_key
    inner join {{ ref('cell_levels') }} as levels
        on
            levels.cell_level <> 'deal_type_source'
            -- of a lead only the channel is known
            and (counted.from_stage >= 0 or levels.cell_level in ('company', 'pipeline_source'))
),

by_cell as (
    select
        {{ curve }},
        age_days,
        cast(sum(entered) as {{ type_double() }}) as entered,
        cast(sum(departed) as {{ type_double() }}) as departed,
        cast(sum(advanced) as {{ type_double() }}) as advanced,
        cast(sum(terminated) as {{ type_double() }}) as terminated
    from levelled
    group by {{ curve }}, age_days
),

at_risk as (
    select
        *,
        sum(entered) over ({{ by_age }} rows between unbounded preceding and current row)
        - coalesce(sum(departed) over ({{ by_age }} rows between unbounded preceding and 1 preceding), 0) as at_risk_count
    from by_cell
),

surviving as (
    select
        *,
        coalesce(
            exp(
                sum(case when terminated < at_risk_count then ln(1 - terminated / at_risk_count) else 0 end)
                    over ({{ by_age }} rows between unbounded preceding and 1 preceding)
            ),
            1
        )
        -- once everyone at risk has left, nobody survives to a later age
        * (1 - coalesce(max(case when terminated >= at_risk_count and terminated > 0 then 1 else 0 end)
            over ({{ by_age }} rows between unbounded preceding and 1 preceding), 0)) as surviving_before
    from at_risk
)

select
    {{ curve }},
    cast(age_days as integer) as age_days,
    entered as entered_count,
    departed as departed_count,
    advanced as advanced_count,
    terminated as terminated_count,
    at_risk_count,
    surviving_before,
    surviving_before * advanced / nullif(at_risk_count, 0) as incidence,
    sum(surviving_before * advanced / nullif(at_risk_count, 0))
        over ({{ by_age }} rows between unbounded preceding and current row) as cumulative_incidence
from surviving
