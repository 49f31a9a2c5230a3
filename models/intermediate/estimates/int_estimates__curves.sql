{#- Aalen-Johansen cumulative incidences by age. Within a window an older spell enters at the age it had
    when the window opened (delayed entry), so that one quarter's events give a whole curve. -#}
{%- set curve = 'estimation_window, from_stage, to_stage, curve_cell' -%}

with windows as (
    select
        window_kind,
        estimation_window,
        starts_on,
        cast({{ dbt.dateadd('day', -1, 'ends_before') }} as date) as last_day
    from {{ ref('int_estimates__windows') }}
),

observed as (
    select
        spells.cell_key,
        windows.window_kind,
        windows.estimation_window,
        spells.from_stage,
        spells.to_stage,
        greatest({{ dbt.datediff('spells.entered_on', 'windows.starts_on', 'day') }}, 0) as entry_age,
        {{ dbt.datediff('spells.entered_on', 'least(spells.left_on, windows.last_day)', 'day') }} as exit_age,
        case when spells.left_on <= windows.last_day then spells.cause else 0 end as cause,
        case when spells.entered_on >= windows.starts_on then 1 else 0 end as is_cohort
    from {{ ref('int_estimates__spells') }} as spells
    inner join windows
        on
            spells.entered_on <= windows.last_day
            and spells.left_on >= windows.starts_on
            -- velocity by quarter is that of the pipeline as a whole
            and (
                windows.window_kind = 'planning'
                or (spells.from_stage = {{ var('qualifying_stage') }} and spells.to_stage = {{ var('won_stage') }})
            )
            -- most leads never end: those past the horizon before the window are only a burden
            and (
                spells.from_stage >= 0
                or spells.entered_on >= {{ dbt.dateadd('day', -(var('conversion_horizon_days') | int), 'windows.starts_on') }}
            )
),

-- From here on the work is by cell and age, no longer by spell.
counted as (
    select
        cell_key,
        window_kind,
        estimation_window,
        from_stage,
        to_stage,
        entry_age as age_days,
        count(*) as entered,
        0 as departed,
        0 as advanced,
        0 as lost,
        0 as derailed,
        sum(is_cohort) as cohort_entered,
        0 as cohort_advanced
    from observed
    group by cell_key, window_kind, estimation_window, from_stage, to_stage, entry_age
    union all
    select
        cell_key,
        window_kind,
        estimation_window,
        from_stage,
        to_stage,
        exit_age as age_days,
        0 as entered,
        count(*) as departed,
        sum(case when cause = 1 then 1 else 0 end) as advanced,
        sum(case when cause = 2 then 1 else 0 end) as lost,
        sum(case when cause = 3 then 1 else 0 end) as derailed,
        0 as cohort_entered,
        sum(case when cause = 1 then is_cohort else 0 end) as cohort_advanced
    from observed
    group by cell_key, window_kind, estimation_window, from_stage, to_stage, exit_age
),

-- Each cell as it is seen at each level, by a number: millions of rows are grouped by it.
levelled_cells as (
    select
        cells.cell_key,
        levels.cell_level,
        {{ cell_at_level('cells') }}
    from {{ ref('int_cells') }} as cells
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level <> 'deal_type_source'
),

curve_cells as (
    select
        *,
        dense_rank() over (order by cell_level, {{ cell() }}) as curve_cell
    from levelled_cells
),

by_cell as (
    select
        counted.estimation_window,
        counted.from_stage,
        counted.to_stage,
        curve_cells.curve_cell,
        {% for count in ['entered', 'departed', 'advanced', 'lost', 'derailed', 'cohort_entered', 'cohort_advanced'] -%}
        cast(sum(counted.{{ count }}) as {{ type_double() }}) as {{ count }},
        {% endfor -%}
        counted.age_days
    from counted
    inner join curve_cells
        on
            counted.cell_key = curve_cells.cell_key
            -- of a lead only the channel is known
            and (counted.from_stage >= 0 or curve_cells.cell_level in ('company', 'pipeline_source'))
            and (counted.window_kind = 'planning' or curve_cells.cell_level in ('company', 'segment', 'segment_deal_type'))
    group by counted.estimation_window, counted.from_stage, counted.to_stage, curve_cells.curve_cell, counted.age_days
),

{{ aalen_johansen('by_cell', curve) }},

named_cells as (
    select distinct
        curve_cell,
        cell_level,
        {{ cell() }}
    from curve_cells
)

select
    curves.estimation_window,
    curves.from_stage,
    curves.to_stage,
    named_cells.cell_level,
    {{ cell('named_cells') }},
    cast(curves.age_days as integer) as age_days,
    curves.entered as entered_count,
    curves.departed as departed_count,
    curves.advanced as advanced_count,
    curves.lost as lost_count,
    curves.derailed as derailed_count,
    curves.terminated as terminated_count,
    curves.cohort_entered as cohort_entered_count,
    curves.cohort_advanced as cohort_advanced_count,
    curves.at_risk_count,
    curves.surviving_before,
    curves.incidence,
    curves.cumulative_incidence,
    curves.cumulative_lost,
    curves.cumulative_derailed,
    curves.std_error
from curves
inner join named_cells on curves.curve_cell = named_cells.curve_cell
