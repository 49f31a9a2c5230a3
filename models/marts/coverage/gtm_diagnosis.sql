{%- set quarters = var('diagnosis_quarters') -%}
with measured as (
    select
        results.*,
        coalesce(results.segment, '*') as segment_key,
        {{ ratio('bookings', 'bookings_goal') }} as attainment,
        {{ ratio('pipeline_start', 'bookings_goal') }} as starting_coverage,
        {{ ratio('pipeline_week3', 'bookings_goal') }} as coverage,
        {{ ratio('bookings', 'pipeline_week3') }} as conversion,
        {{ ratio('pipeline_start', 'target_coverage * bookings_goal') }} as pipeline_attainment,
        {{ ratio('target_coverage', 'required_coverage') }} as cushion_ratio
    from {{ ref('quarter_results') }} as results
),

-- What share of the pipeline in week 3 the quarters before booked, all bookings, as conversion has it here.
usual as (
    select
        measured.fiscal_quarter_start,
        measured.cell_level,
        measured.segment_key,
        case when count(*) >= {{ var('coverage_minimum_quarters') }} then {{ ratio('sum(past.bookings)', 'sum(past.pipeline_week3)') }} end as conversion
    from measured
    inner join measured as past
        on
            measured.cell_level = past.cell_level
            and measured.segment_key = past.segment_key
            and past.quarter_index between measured.quarter_index - {{ var('conversion_trailing_quarters') }} and measured.quarter_index - 1
            and past.pipeline_week3 > 0
    group by measured.fiscal_quarter_start, measured.cell_level, measured.segment_key
),

-- The last quarters up to each, with a goal.
recent as (
    select
        measured.fiscal_quarter_start,
        measured.cell_level,
        measured.segment_key,
        count(past.attainment) as recent_count,
        percentile_cont(0.5) within group (order by past.attainment) as recent_attainment,
        {{ ratio('sum(case when past.attainment is not null and past.pipeline_attainment < 1 then 1 else 0 end)', 'count(past.attainment)') }}
            as recent_missed_share,
        {{ ratio('sum(past.bookings_month_3)', 'sum(past.bookings)') }} as recent_month_3_share
    from measured
    inner join measured as past
        on
            measured.cell_level = past.cell_level
            and measured.segment_key = past.segment_key
            and measured.quarter_index >= past.quarter_index
            and measured.quarter_index - past.quarter_index < {{ quarters }}
    group by measured.fiscal_quarter_start, measured.cell_level, measured.segment_key
),

compared as (
    select
        measured.*,
        coalesce(usual.conversion, {{ ratio(1, 'measured.required_coverage') }}) as usual_conversion
    from measured
    left join usual
        on
            measured.fiscal_quarter_start = usual.fiscal_quarter_start
            and measured.cell_level = usual.cell_level
            and measured.segment_key = usual.segment_key
),

split as (
    select
        compared.*,
        recent.recent_count,
        recent.recent_attainment,
        recent.recent_missed_share,
        recent.recent_month_3_share,
        case when coverage > 0 and usual_conversion > 0 then ln(coverage * usual_conversion) end as coverage_effect,
        case when conversion > 0 and usual_conversion > 0 then ln(conversion / usual_conversion) end as conversion_effect,
        case
            when attainment is null then null
            when attainment >= 1 and pipeline_attainment >= 1 then 'healthy'
            when attainment >= 1 then 'over_cushioned_target'
            when pipeline_attainment >= 1 then 'conversion_problem'
            else 'coverage_problem'
        end as verdict
    from compared
    inner join recent
        on
            compared.fiscal_quarter_start = recent.fiscal_quarter_start
            and compared.cell_level = recent.cell_level
            and compared.segment_key = recent.segment_key
)

select
    fiscal_quarter,
    fiscal_quarter_start,
    cell_level,
    segment,
    cast(bookings_goal as decimal(28, 2)) as bookings_goal,
    cast(bookings as decimal(28, 2)) as bookings,
    attainment,
    cast(pipeline_start as decimal(28, 2)) as pipeline_start,
    starting_coverage,
    cast(pipeline_week3 as decimal(28, 2)) as pipeline_week3,
    coverage,
    cast(required_coverage as decimal(8, 3)) as required_coverage,
    required_coverage_basis,
    conversion,
    usual_conversion,
    coverage_effect,
    conversion_effect,
    cast(target_coverage as decimal(8, 3)) as target_coverage,
    pipeline_attainment,
    cushion_ratio,
    cushion_ratio > {{ var('cushion_warn') }} as is_cushion_large,
    verdict,
    case
        when attainment < 1 and coverage_effect <= conversion_effect then 'coverage'
        when attainment < 1 and coverage_effect > conversion_effect then 'conversion'
    end as missed_by,
    cast(recent_count as integer) as recent_count,
    recent_attainment,
    recent_missed_share,
    coalesce(
        recent_count >= {{ var('diagnosis_minimum_quarters') }}
        and recent_attainment between 1 and {{ var('hair_attainment') }}
        and recent_missed_share >= {{ var('diagnosis_missed_share') }}
        and cushion_ratio > {{ var('cushion_warn') }},
        false
    ) as is_over_cushioned,
    narrow_win_rate,
    slip_rate,
    {% for month in [1, 2, 3] -%}
    {{ ratio('bookings_month_' ~ month, 'bookings') }} as month_{{ month }}_share,
    {% endfor -%}
    recent_month_3_share,
    case
        when attainment is null or pipeline_week3 = 0 or coalesce(usual_conversion, 0) = 0 then null
        else
            coalesce(segment, 'The company') || ', ' || fiscal_quarter || ': ' || {{ spoken_percent('attainment') }} || ' of the bookings goal. '
            || 'Pipeline in week 3 was ' || {{ spoken_multiple('coverage') }} || ' times the goal where ' || {{ spoken_multiple('1 / usual_conversion') }}
            || ' times are enough on average, and ' || {{ spoken_percent('conversion') }} || ' of it was booked where '
            || {{ spoken_percent('usual_conversion') }} || ' are usual.'
    end as statement
from split
