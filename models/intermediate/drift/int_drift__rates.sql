-- Rates and mean times of each step since each plan was made, measured as int_estimates__rates does;
-- and how much of them may lie at ages at which nobody was seen.
{%- set curve = 'plan_version, from_stage, to_stage, cell_level, ' ~ cell() -%}
{%- set horizon = var('conversion_horizon_days') | int %}

with by_cell as (
    select
        counts.plan_version,
        counts.from_stage,
        counts.to_stage,
        levels.cell_level,
        {{ cell_at_level('cells') }},
        {% for count in ['entered', 'departed', 'advanced', 'lost', 'derailed', 'begun'] -%}
        cast(sum(counts.{{ count }}) as {{ type_double() }}) as {{ count }},
        {% endfor -%}
        counts.age_days
    from {{ ref('int_drift__counts') }} as counts
    inner join {{ ref('int_cells') }} as cells on counts.cell_key = cells.cell_key
    inner join {{ ref('cell_levels') }} as levels
        on
            levels.is_published = 1
            and levels.cell_level <> 'goal_cell'
            -- of a lead only the channel is known
            and (counts.from_stage >= 0 or levels.cell_level in ('company', 'pipeline_source'))
    group by
        counts.plan_version, counts.from_stage, counts.to_stage, levels.cell_level,
        {% for column in cell_columns() -%}
        case when levels.by_{{ column }} = 1 then cells.{{ column }} else '*' end,
        {% endfor -%}
        counts.age_days
),

{{ aalen_johansen('by_cell', curve) }},

-- Each row stands for the days from its age to the next one at which something happens.
lasting as (
    select
        *,
        case when terminated < at_risk_count then surviving_before * (1 - terminated / nullif(at_risk_count, 0)) else 0 end as surviving_after,
        case
            when lead(age_days) over (partition by {{ curve }} order by age_days) <= {{ horizon }}
                then lead(age_days) over (partition by {{ curve }} order by age_days)
            else {{ horizon }} + 1
        end - age_days as days_to_next,
        -- Everybody at risk ended, and yet somebody is older: with few spells the early ages may lose
        -- all they have before those that were under way come in.
        terminated >= at_risk_count and surviving_before > 0
        and max(at_risk_count) over (partition by {{ curve }} order by age_days rows between 1 following and unbounded following) > 0
            as is_cut_short,
        max(age_days) over (partition by {{ curve }}) as last_age,
        min(age_days) over (partition by {{ curve }}) as first_age,
        max(cumulative_incidence) over (partition by {{ curve }}) as rate
    from curves
    where age_days <= {{ horizon }}
),

-- The share of the spells that reach ages at which nobody was seen, and for how many days nobody was:
-- before the first age, between two, after the last.
unseen as (
    select
        *,
        rate / nullif(first_age + sum(surviving_after * days_to_next) over (partition by {{ curve }}), 0) as advances_a_day,
        case when is_cut_short then surviving_before when at_risk_count - departed <= 0 then surviving_after else 0 end as unseen_share,
        case when is_cut_short then {{ horizon }} - age_days else days_to_next - 1 end as unseen_days
    from lasting
),

summed as (
    select
        {{ curve }},
        {% for count in ['begun', 'entered', 'advanced', 'lost', 'derailed'] -%}
        sum({{ count }}) as {{ count }},
        {% endfor -%}
        max(rate) as rate,
        max(case when age_days = last_age then std_error end) as std_error,
        -- the moments of the time to advance, among those that advance by the horizon
        sum(incidence * age_days) / nullif(max(rate), 0) as mean_days,
        sum(incidence * age_days * age_days) / nullif(max(rate), 0) as mean_squared_days,
        -- what was lost at once matters if it is more than half of the smallest difference looked for
        max(case when is_cut_short and surviving_before > {{ var('drift_minimum_effect') }} / 2 * rate + 0.000000001 then 1 else 0 end) = 1 as is_broken,
        -- what may have advanced unseen, at the usual pace and never more than was there
        min(case when first_age * advances_a_day < 1 then first_age * advances_a_day else 1 end)
        + sum(unseen_share * case when unseen_days * advances_a_day < 1 then unseen_days * advances_a_day else 1 end) as unseen_rate
    from unseen
    group by {{ curve }}
)

select
    {{ curve }},
    cast(begun as integer) as n_begun,
    -- spells seen at some age up to the horizon, and how they ended by then
    cast(entered as integer) as n,
    cast(advanced as integer) as n_advanced,
    cast(advanced + lost + derailed as integer) as n_ended,
    is_broken,
    {{ ratio('unseen_rate', 'rate') }} as unseen_share,
    -- sums of floating point numbers may end a hair above the whole
    case when not is_broken then case when rate < 1 then rate when rate >= 1 then 1 end end as rate,
    case when not is_broken then std_error end as std_error,
    case when not is_broken then mean_days end as mean_days,
    case
        when not is_broken and advanced > 0
            then cast(cast(
                case
                    when mean_squared_days - mean_days * mean_days > 0.000001
                        then sqrt((mean_squared_days - mean_days * mean_days) / advanced)
                    else 0
                end as decimal(18, 6)
            ) as {{ type_double() }})
    end as mean_days_std_error
from summed
