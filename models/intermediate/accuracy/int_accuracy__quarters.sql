{%- set sums = ['booked_amount', 'won_count', 'lost_count', 'created_amount', 'open_amount'] -%}
-- Every quarter in a few sums, as they are known: what came of it, and what is dated to it.
with today as (
    select
        as_of.as_of_date,
        calendar.quarter_index
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

deals as (
    select
        current_state.*,
        attributes.segment
    from {{ ref('int_opportunities__current') }} as current_state
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on current_state.opportunity_key = attributes.opportunity_key
    where current_state.outcome <> 'deleted'
),

facts as (
    select
        calendar.quarter_index,
        deals.segment,
        case when deals.outcome = 'won' then coalesce(deals.amount, 0) else 0 end as booked_amount,
        case when deals.outcome = 'won' then 1 else 0 end as won_count,
        case when deals.outcome = 'lost' then 1 else 0 end as lost_count,
        0 as created_amount,
        0 as open_amount,
        cast(null as decimal(28, 8)) as crm_weighted_amount
    from deals
    inner join {{ ref('int_calendar') }} as calendar on deals.closed_on = calendar.date_day
    where deals.outcome = 'won' or (deals.outcome = 'lost' and deals.qualified_at is not null)
    union all
    select
        calendar.quarter_index,
        attributes.segment,
        0 as booked_amount,
        0 as won_count,
        0 as lost_count,
        qualified.created_amount,
        0 as open_amount,
        cast(null as decimal(28, 8)) as crm_weighted_amount
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes on qualified.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_calendar') }} as calendar on cast(qualified.qualified_at as date) = calendar.date_day
    union all
    select
        calendar.quarter_index,
        deals.segment,
        0 as booked_amount,
        0 as won_count,
        0 as lost_count,
        0 as created_amount,
        deals.amount as open_amount,
        cast(deals.amount * coalesce(own.win_probability, every_crm.win_probability) as decimal(28, 8)) as crm_weighted_amount
    from deals
    inner join {{ ref('int_calendar') }} as calendar on deals.close_date = calendar.date_day
    inner join {{ ref('crm_opportunities') }} as records on deals.opportunity_key = records.opportunity_key
    left join {{ ref('crm_win_probabilities') }} as own
        on records.crm = own.crm and deals.stage_number = own.stage_number
    left join {{ ref('crm_win_probabilities') }} as every_crm
        on every_crm.crm = '*' and deals.stage_number = every_crm.stage_number
    where deals.pipeline_status = 'real'
),

summed as (
    select
        facts.quarter_index,
        levels.cell_level,
        case when levels.by_segment = 1 then facts.segment else '*' end as segment,
        {% for column in sums -%}
        sum(facts.{{ column }}) as {{ column }},
        {% endfor -%}
        sum(facts.crm_weighted_amount) as crm_weighted_amount
    from facts
    inner join {{ ref('cell_levels') }} as levels on levels.cell_level in ('company', 'segment')
    group by 1, 2, 3
),

-- What was open at the end of a quarter's first day.
starts as (
    select
        quarters.quarter_index,
        levels.cell_level,
        levels.segment,
        levels.open_amount_real as start_amount
    from {{ ref('int_coverage__levels') }} as levels
    inner join {{ ref('int_coverage__quarters') }} as quarters
        on levels.as_of_date = quarters.as_of_date and levels.horizon = quarters.horizon
    where quarters.is_quarter_start and quarters.horizon = 0 and levels.cell_level in ('company', 'segment')
),

quarters as (
    select distinct
        fiscal_quarter,
        fiscal_quarter_start,
        next_quarter_start,
        quarter_index
    from {{ ref('int_calendar') }}
),

cells as (
    select
        cell_level,
        segment,
        min(min(quarter_index)) over () as first_index
    from summed
    group by cell_level, segment
),

-- Every segment has every quarter from the company's first on, also one in which nothing was.
spine as (
    select
        cells.cell_level,
        cells.segment,
        quarters.*
    from cells
    cross join today
    inner join quarters
        on quarters.quarter_index between cells.first_index and today.quarter_index + {{ var('outlook_quarters') }}
)

select
    spine.fiscal_quarter,
    spine.fiscal_quarter_start,
    spine.next_quarter_start,
    cast(spine.quarter_index as integer) as quarter_index,
    cast(spine.quarter_index - today.quarter_index as integer) as quarters_ahead,
    spine.cell_level,
    spine.segment,
    spine.next_quarter_start <= {{ dbt.dateadd('day', 1, 'today.as_of_date') }} as is_over,
    {% for column in sums -%}
    cast(coalesce(summed.{{ column }}, 0) as {{ 'integer' if column.endswith('_count') else 'decimal(28, 2)' }}) as {{ column }},
    {% endfor -%}
    -- null where no stage has a probability: then there is no such forecast
    cast(case when coalesce(summed.open_amount, 0) = 0 then 0 else summed.crm_weighted_amount end as decimal(28, 2)) as crm_weighted_amount,
    cast(case when spine.fiscal_quarter_start <= today.as_of_date then coalesce(starts.start_amount, 0) end as decimal(28, 2)) as start_amount
from spine
cross join today
left join summed
    on spine.quarter_index = summed.quarter_index and spine.cell_level = summed.cell_level and spine.segment = summed.segment
left join starts
    on spine.quarter_index = starts.quarter_index and spine.cell_level = starts.cell_level and spine.segment = starts.segment
