{%- set origins = ['from_snapshot', 'created_and_closed', 'pulled_in', 'reopened', 'not_real_then'] -%}
{%- set fates = ['won', 'lost', 'derailed', 'slipped'] -%}
{%- set measures = ['pipeline_count', 'pipeline_week3', 'pipeline_week3_raw', 'excluded_pipeline', 'pipeline_won', 'pipeline_lost',
    'pipeline_derailed', 'pipeline_slipped', 'bookings', 'bookings_before_snapshot', 'from_snapshot', 'created_and_closed',
    'pulled_in', 'reopened', 'not_real_then', 'excluded_amount', 'converted_count'] -%}
{%- set keys = ['period_kind', 'cell_level', 'segment', 'deal_type'] -%}
{%- set key = keys | join(', ') -%}
{%- set quarters = var('conversion_trailing_quarters') -%}
with deals as (
    select
        deals.*,
        attributes.segment,
        attributes.deal_type
    from {{ ref('int_coverage__period_deals') }} as deals
    inner join {{ ref('int_opportunities__attributed') }} as attributes on deals.opportunity_key = attributes.opportunity_key
),

summed as (
    select
        deals.period_kind,
        deals.period_start,
        levels.cell_level,
        case when levels.by_segment = 1 then deals.segment else '*' end as segment,
        case when levels.by_deal_type = 1 then deals.deal_type else '*' end as deal_type,
        sum(deals.is_in_snapshot) as pipeline_count,
        sum(deals.pipeline_amount) as pipeline_week3,
        sum(deals.pipeline_amount_raw) as pipeline_week3_raw,
        sum(case when deals.exclusion is not null then deals.pipeline_amount else 0 end) as excluded_pipeline,
        {% for fate in fates -%}
        sum(case when deals.fate = '{{ fate }}' then deals.pipeline_amount else 0 end) as pipeline_{{ fate }},
        {% endfor -%}
        sum(deals.booked_amount) as bookings,
        sum(case when deals.origin = 'before_snapshot' then deals.booked_amount else 0 end) as bookings_before_snapshot,
        {% for origin in origins -%}
        sum(case when deals.origin = '{{ origin }}' and deals.exclusion is null then deals.booked_amount else 0 end) as {{ origin }},
        {% endfor -%}
        sum(case when deals.origin <> 'before_snapshot' and deals.exclusion is not null then deals.booked_amount else 0 end)
            as excluded_amount,
        sum(case when deals.origin <> 'before_snapshot' and deals.exclusion is null then 1 else 0 end) as converted_count
    from deals
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment', 'segment_deal_type')
    group by 1, 2, 3, 4, 5
),

first_periods as (
    select
        {{ key }},
        min(period_start) as first_start
    from summed
    group by {{ key }}
),

-- Every cell has every period from its first on, also one in which nothing was there to convert.
spine as (
    select
        cells.cell_level,
        cells.segment,
        cells.deal_type,
        periods.*
    from first_periods as cells
    inner join {{ ref('int_coverage__past_periods') }} as periods
        on cells.period_kind = periods.period_kind and cells.first_start <= periods.period_start
),

every_period as (
    select
        spine.*,
        {% for measure in measures -%}
        coalesce(summed.{{ measure }}, 0) as {{ measure }},
        {% endfor -%}
        coalesce(summed.pipeline_week3 - summed.excluded_pipeline, 0) as comparable_pipeline,
        coalesce(summed.bookings - summed.bookings_before_snapshot - summed.excluded_amount, 0) as converted
    from spine
    left join summed
        on
            spine.period_start = summed.period_start
            {% for column in keys -%}
            and spine.{{ column }} = summed.{{ column }}
            {% endfor -%}
),

-- Sums over the latest periods, and never a mean of their ratios.
latest as (
    select
        every_period.period_kind,
        every_period.cell_level,
        every_period.segment,
        every_period.deal_type,
        every_period.period_start,
        sum(case when history.comparable_pipeline > 0 then 1 else 0 end) as trailing_period_count,
        sum(history.converted_count) as trailing_converted_count,
        {{ ratio('sum(history.converted)', 'sum(history.comparable_pipeline)') }} as trailing_conversion,
        {{ ratio('sum(history.bookings - history.bookings_before_snapshot)', 'sum(history.pipeline_week3)') }}
            as trailing_conversion_unadjusted,
        {{ ratio('sum(history.from_snapshot)', 'sum(history.comparable_pipeline)') }} as trailing_yield,
        percentile_cont({{ (1 - var('coverage_quantile')) | round(6) }}) within group (
            order by {{ ratio('history.converted', 'history.comparable_pipeline') }}
        ) as low_conversion
    from every_period
    inner join every_period as history
        on
            every_period.period_index >= history.period_index
            {% for column in keys -%}
            and every_period.{{ column }} = history.{{ column }}
            {% endfor -%}
            and every_period.period_index - history.period_index
            < case every_period.period_kind when 'month' then 3 * {{ quarters }} else {{ quarters }} end
    group by 1, 2, 3, 4, 5
)

select
    every_period.period_kind,
    every_period.period_start,
    every_period.fiscal_quarter,
    cast(every_period.quarter_index as integer) as quarter_index,
    every_period.snapshot_day,
    every_period.cell_level,
    nullif(every_period.segment, '*') as segment,
    nullif(every_period.deal_type, '*') as deal_type,
    {% for measure in measures -%}
    cast(every_period.{{ measure }} as {{ 'integer' if measure.endswith('_count') else 'decimal(28, 2)' }}) as {{ measure }},
    {% endfor -%}
    {{ ratio('every_period.converted', 'every_period.comparable_pipeline') }} as conversion,
    {{ ratio('every_period.bookings - every_period.bookings_before_snapshot', 'every_period.pipeline_week3') }} as conversion_unadjusted,
    {{ ratio('every_period.from_snapshot', 'every_period.comparable_pipeline') }} as yield,
    {{ ratio('every_period.converted - every_period.from_snapshot', 'every_period.converted') }} as outside_share,
    {{ ratio('every_period.pipeline_won', 'every_period.pipeline_won + every_period.pipeline_lost') }} as narrow_win_rate,
    {{ ratio('every_period.pipeline_won', 'every_period.pipeline_week3') }} as broad_win_rate,
    {{ ratio('every_period.pipeline_slipped', 'every_period.pipeline_week3') }} as slip_rate,
    cast(latest.trailing_period_count as integer) as trailing_period_count,
    cast(latest.trailing_converted_count as integer) as trailing_converted_count,
    latest.trailing_conversion,
    latest.trailing_conversion_unadjusted,
    latest.trailing_yield,
    -- of the rate as it is, never of the rate as it prints
    1 / nullif(latest.trailing_conversion, 0) as required_coverage,
    1 / nullif(latest.trailing_conversion_unadjusted, 0) as required_coverage_unadjusted,
    1 / nullif(cast(latest.low_conversion as {{ type_double() }}), 0) as required_coverage_quantile,
    latest.trailing_period_count
    >= {{ var('coverage_minimum_quarters') }} * case every_period.period_kind when 'month' then 3 else 1 end
    and latest.trailing_converted_count >= {{ var('minimum_events') }} as is_measured,
    as_of.as_of_date
from every_period
inner join latest
    on
        every_period.period_start = latest.period_start
        {% for column in keys -%}
        and every_period.{{ column }} = latest.{{ column }}
        {% endfor -%}
cross join {{ ref('int_as_of') }} as as_of
