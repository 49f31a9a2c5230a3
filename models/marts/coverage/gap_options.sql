-- Each gap of today with the sources that can still close it: what they create from now on must land.
with gaps as (
    select
        as_of_date,
        close_quarter,
        close_quarter_start,
        horizon,
        cell_level,
        segment,
        coalesce(deal_type, '*') as deal_type,
        gap_amount,
        owner
    from {{ ref('starting_coverage_forecast') }}
    where is_latest and cell_level in ('segment', 'segment_deal_type') and gap_amount > 0
),

landing as (
    select
        *,
        {{ ratio('landed_amount', 'created_amount') }} as landing_share,
        {{ ratio('created_amount', 'created_count') }} as mean_amount
    from {{ ref('int_starting__landing') }}
),

teams as (
    select
        pipeline_source,
        max(responsible_team) as responsible_team
    from {{ ref('pipeline_source_map') }}
    where valid_to is null
    group by pipeline_source
),

-- Days from the first step this source has to a qualified opportunity: from the lead where most start as
-- one, else from the meeting.
parameters as (
    select
        segment,
        deal_type,
        territory,
        pipeline_source,
        custom_dimension,
        max(n) as n,
        max(case when parameter = 'lead_sourced_share' then coalesce(override_value, value) end) as lead_sourced_share,
        max(case when parameter = 'days_lead_to_meeting_accepted' then coalesce(override_value, value) end) as days_lead,
        sum(case when parameter in ('days_meeting_accepted_to_completed', 'days_meeting_completed_to_qualified') then coalesce(override_value, value) end)
            as days_meetings
    from {{ ref('assumptions') }}
    where month_number is null
    group by segment, deal_type, territory, pipeline_source, custom_dimension
),

lead_times as (
    select
        segment,
        pipeline_source,
        {{ ratio(
            'sum(n * (days_meetings + case when lead_sourced_share >= 0.5 then coalesce(days_lead, 0) else 0 end))',
            'sum(case when days_meetings is not null then n end)'
        ) }} as lead_days
    from parameters
    group by segment, pipeline_source
),

-- The cell's own landing if it is known from enough opportunities, else its segment's, else the company's.
offered as (
    select
        gaps.*,
        company.pipeline_source,
        {% for column in ['cell_level', 'landing_share', 'mean_amount'] -%}
        case
            when own.created_count >= {{ var('minimum_sample') }} then own.{{ column }}
            when by_segment.created_count >= {{ var('minimum_sample') }} then by_segment.{{ column }}
            else company.{{ column }}
        end as {{ 'landing_level' if column == 'cell_level' else column }},
        {% endfor -%}
        {{ ratio('coalesce(own.created_count, 0)', 'company.quarter_count') }} as usual_count,
        lead_times.lead_days
    from gaps
    inner join landing as company on gaps.horizon = company.horizon and company.cell_level = 'company'
    left join landing as by_segment
        on
            gaps.horizon = by_segment.horizon
            and by_segment.cell_level = 'segment'
            and gaps.segment = by_segment.segment
            and company.pipeline_source = by_segment.pipeline_source
    left join landing as own
        on
            gaps.horizon = own.horizon
            and gaps.cell_level = own.cell_level
            and gaps.segment = own.segment
            and gaps.deal_type = own.deal_type
            and company.pipeline_source = own.pipeline_source
    left join lead_times
        on gaps.segment = lead_times.segment and company.pipeline_source = lead_times.pipeline_source
),

sized as (
    select
        *,
        {{ ratio('gap_amount', 'landing_share') }} as needed_amount,
        {{ ratio('gap_amount', 'landing_share * mean_amount') }} as needed_count,
        cast({{ dbt.dateadd('day', '-cast(ceil(coalesce(lead_days, 0)) as integer)', 'close_quarter_start') }} as date) as latest_start_date
    from offered
    where landing_share > 0 and mean_amount > 0
),

priced as (
    select
        sized.*,
        coalesce(teams.responsible_team, 'unmapped') as responsible_team,
        costs.cost_per_opportunity,
        sized.needed_count * costs.cost_per_opportunity as cost
    from sized
    left join teams on sized.pipeline_source = teams.pipeline_source
    left join {{ ref('int_costs__per_opportunity') }} as costs
        on sized.segment = costs.segment and sized.pipeline_source = costs.pipeline_source
    where sized.latest_start_date > sized.as_of_date
)

select
    as_of_date,
    close_quarter,
    close_quarter_start,
    horizon,
    cell_level,
    segment,
    nullif(deal_type, '*') as deal_type,
    pipeline_source,
    responsible_team,
    owner,
    gap_amount,
    landing_share,
    landing_level,
    cast(needed_amount as decimal(28, 2)) as needed_amount,
    needed_count,
    usual_count,
    {{ ratio('needed_count', 'usual_count') }} as times_usual,
    cost_per_opportunity,
    cast(cost as decimal(28, 2)) as cost,
    lead_days,
    latest_start_date,
    cast(
        row_number() over (
            partition by close_quarter, cell_level, segment, deal_type
            order by case when cost is null then 1 else 0 end, cost, pipeline_source
        ) as integer
    ) as cost_rank
from priced
