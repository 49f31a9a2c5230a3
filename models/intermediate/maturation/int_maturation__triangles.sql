{#-
    Run-off triangles: cohorts of opportunities by the quarter they qualified in, and what they had
    won at the end of each quarter since. Only quarters that have ended are in it: one in progress
    would look like a slow one. Methods: docs/methods/maturation.md.
-#}
{%- set triangle = 'cell_level, ' ~ cell() ~ ', measure' -%}

with as_of as (
    select cast(known_before as date) as ends_before
    from {{ ref('int_as_of') }}
),

quarters as (
    select distinct
        calendar.fiscal_quarter,
        calendar.quarter_index
    from {{ ref('int_calendar') }} as calendar
    inner join as_of on calendar.next_quarter_start <= as_of.ends_before
),

opportunities as (
    select
        {{ cell('attributes') }},
        created_in.quarter_index as cohort_index,
        -- a deal closed in a quarter before it qualified (its close date was set back) is won at age 0
        case when won_in.quarter_index is not null then greatest(won_in.quarter_index - created_in.quarter_index, 0) end as won_at_age,
        qualified.created_amount,
        case when won_in.quarter_index is not null then 1 else 0 end as is_won,
        case when won_in.quarter_index is not null then coalesce(current_state.amount, 0) else 0 end as won_amount
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on qualified.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_opportunities__current') }} as current_state
        on qualified.opportunity_key = current_state.opportunity_key
    inner join {{ ref('int_calendar') }} as created_in on cast(qualified.qualified_at as date) = created_in.date_day
    left join {{ ref('int_calendar') }} as won_in
        on current_state.outcome = 'won' and current_state.closed_on = won_in.date_day
),

-- From here on the work is by cell, cohort and age, no longer by opportunity.
counted as (
    select
        {{ cell() }},
        cohort_index,
        won_at_age,
        count(*) as created_count,
        sum(created_amount) as created_amount,
        sum(is_won) as won_count,
        sum(won_amount) as won_amount
    from opportunities
    group by {{ cell() }}, cohort_index, won_at_age
),

measured as (
    {% for measure, exposure, won in [('wins', 'created_count', 'won_count'), ('bookings', 'created_amount', 'won_amount')] -%}
    select
        {{ cell() }},
        cohort_index,
        won_at_age,
        '{{ measure }}' as measure,
        cast({{ exposure }} as {{ money_type() }}) as exposure,
        cast({{ won }} as {{ money_type() }}) as won
    from counted
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

levelled as (
    select
        levels.cell_level,
        {{ cell_at_level('measured') }},
        measured.measure,
        measured.cohort_index,
        measured.won_at_age,
        sum(measured.exposure) as exposure,
        sum(measured.won) as won
    from measured
    inner join {{ ref('cell_levels') }} as levels
        on levels.cell_level in ('company', 'segment', 'segment_deal_type', 'pipeline_source')
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
),

cohorts as (
    select
        {{ triangle }},
        cohort_index,
        sum(exposure) as exposure
    from levelled
    group by {{ triangle }}, cohort_index
),

-- Every cohort at every age it has been observed at, whether it won anything then or not.
spine as (
    select
        cohorts.*,
        created_in.fiscal_quarter as cohort_quarter,
        observed.quarter_index - cohorts.cohort_index as age_quarters
    from cohorts
    inner join quarters as created_in on cohorts.cohort_index = created_in.quarter_index
    inner join quarters as observed
        on observed.quarter_index between cohorts.cohort_index and cohorts.cohort_index + {{ var('maturation_quarters') }}
),

-- The long-run value of an opportunity, and of a dollar created, in wins and in dollars won.
priors as (
    select
        rates.cell_level,
        {{ cell('rates') }},
        rates.rate as wins_rate,
        -- the dollars created are those of opportunities with an amount; those without are won as well
        rates.rate
        * {{ ratio('amounts.won_amount * amounts.created_count', 'amounts.amount_at_qualification * amounts.created_known_count') }}
            as bookings_rate
    from {{ ref('int_estimates__rates') }} as rates
    left join {{ ref('int_estimates__amounts') }} as amounts
        on
            rates.estimation_window = amounts.estimation_window
            and rates.cell_level = amounts.cell_level
            and {{ same_cell('rates', 'amounts') }}
    where
        rates.estimation_window = 'all_time'
        and rates.from_stage = {{ var('qualifying_stage') }}
        and rates.to_stage = {{ var('won_stage') }}
)

select
    spine.cell_level,
    {{ cell('spine') }},
    spine.measure,
    spine.cohort_quarter,
    cast(spine.age_quarters as integer) as age_quarters,
    cast(
        sum(coalesce(levelled.won, 0)) over (
            partition by spine.cell_level, {{ cell('spine') }}, spine.measure, spine.cohort_index
            order by spine.age_quarters
            rows between unbounded preceding and current row
        ) as {{ type_double() }}
    ) as cumulative,
    cast(spine.exposure as {{ type_double() }}) as exposure,
    case spine.measure when 'wins' then priors.wins_rate else priors.bookings_rate end as prior_rate
from spine
left join levelled
    on
        spine.cell_level = levelled.cell_level
        and {{ same_cell('spine', 'levelled') }}
        and spine.measure = levelled.measure
        and spine.cohort_index = levelled.cohort_index
        and spine.age_quarters = levelled.won_at_age
left join priors
    on spine.cell_level = priors.cell_level and {{ same_cell('spine', 'priors') }}
