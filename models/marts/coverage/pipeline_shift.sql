{%- set measures = ['this_opening', 'this_change', 'next_change', 'all_change', 'won', 'lost', 'net_moved_out'] -%}
-- The same week seen three ways: the pipeline of the running quarter, of the next one, and all of it.
with weeks as (
    select distinct
        week_start,
        fiscal_quarter,
        quarter_index
    from {{ ref('int_calendar') }}
),

close_quarters as (
    select distinct
        fiscal_quarter,
        quarter_index
    from {{ ref('int_calendar') }}
),

moved as (
    select
        waterfall.*,
        close_quarters.quarter_index - weeks.quarter_index as quarters_ahead
    from {{ ref('pipeline_waterfall') }} as waterfall
    inner join weeks on waterfall.week_start = weeks.week_start and waterfall.fiscal_quarter = weeks.fiscal_quarter
    left join close_quarters on waterfall.close_quarter = close_quarters.fiscal_quarter
),

summed as (
    select
        moved.week_start,
        moved.fiscal_quarter,
        levels.cell_level,
        case when levels.by_segment = 1 then moved.segment else '*' end as segment,
        sum(case when moved.quarters_ahead = 0 then moved.opening else 0 end) as this_opening,
        sum(case when moved.quarters_ahead = 0 then moved.closing - moved.opening else 0 end) as this_change,
        sum(case when moved.quarters_ahead = 1 then moved.closing - moved.opening else 0 end) as next_change,
        sum(moved.closing - moved.opening) as all_change,
        sum(case when moved.quarters_ahead = 0 then moved.won else 0 end) as won,
        sum(case when moved.quarters_ahead = 0 then moved.lost + moved.derailed + moved.deleted + moved.regressed else 0 end) as lost,
        sum(case when moved.quarters_ahead = 0 then moved.moved_out - moved.moved_in else 0 end) as net_moved_out
    from moved
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment')
    group by 1, 2, 3, 4
)

select
    week_start,
    fiscal_quarter,
    cell_level,
    nullif(segment, '*') as segment,
    {% for measure in measures -%}
    cast({{ measure }} as decimal(28, 2)) as {{ measure }},
    {% endfor -%}
    case
        when this_change >= 0 or -this_change < {{ var('shift_tolerance') }} * this_opening then 'steady'
        when won >= -this_change / 2 then 'won'
        when next_change >= -this_change / 2 and all_change > this_change / 2 then 'slosh'
        when all_change <= this_change / 2 then 'lost'
        else 'mixed'
    end as movement_class
from summed
