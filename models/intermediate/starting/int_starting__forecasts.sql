{%- set quarters = var('starting_trailing_quarters') -%}
{%- set key = 'snapshot_day, horizon, cell_level, ' ~ cell() -%}
-- What each quarter ahead will start with: every part as far as it landed in the quarters that had
-- started by then, seen from as many weeks before.
with parts as (
    select
        parts.*,
        weeks.quarter_index,
        weeks.close_quarter_start,
        weeks.weeks_to_start,
        weeks.stands_for_week,
        weeks.has_started
    from {{ ref('int_starting__parts') }} as parts
    inner join {{ ref('int_starting__weeks') }} as weeks
        on parts.snapshot_day = weeks.snapshot_day and parts.horizon = weeks.horizon
),

rated as (
    select
        parts.snapshot_day,
        parts.horizon,
        parts.cell_level,
        {{ cell('parts') }},
        parts.part,
        max(parts.base_amount) as base_amount,
        max(parts.landed_amount) as landed_amount,
        count(past.quarter_index) as quarter_count,
        {{ ratio('sum(past.landed_amount)', 'sum(past.base_amount)') }} as landing_rate
    from parts
    left join parts as past
        on
            parts.cell_level = past.cell_level
            and {{ same_cell('parts', 'past') }}
            and parts.part = past.part
            and parts.weeks_to_start = past.weeks_to_start
            and past.stands_for_week
            -- had started by then
            and parts.snapshot_day >= past.close_quarter_start
            and parts.quarter_index - past.quarter_index <= {{ quarters }} + parts.horizon - 1
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
),

-- Where too few quarters have been seen the company speaks for the cell.
own as (
    select
        {{ key }},
        max(case when part = 'created' then quarter_count else 0 end) as quarter_count
    from rated
    group by {{ key }}
),

expected as (
    select
        rated.snapshot_day,
        rated.horizon,
        rated.cell_level,
        {{ cell('rated') }},
        min(company.quarter_count) as company_quarters,
        min(own.quarter_count) as quarter_count,
        sum(rated.landed_amount) as start_amount,
        {% for part in ['same', 'created'] -%}
        sum(case when rated.part = '{{ part }}' then rated.base_amount else 0 end) as {{ part }}_amount,
        {% endfor -%}
        sum(
            rated.base_amount
            * case
                when own.quarter_count >= {{ var('starting_minimum_quarters') }}
                    then coalesce(rated.landing_rate, company_rate.landing_rate, 0)
                else coalesce(company_rate.landing_rate, 0)
            end
        ) as expected_amount
    from rated
    inner join own
        on
            rated.snapshot_day = own.snapshot_day
            and rated.horizon = own.horizon
            and rated.cell_level = own.cell_level
            and {{ same_cell('rated', 'own') }}
    inner join own as company
        on rated.snapshot_day = company.snapshot_day and rated.horizon = company.horizon and company.cell_level = 'company'
    left join rated as company_rate
        on
            rated.snapshot_day = company_rate.snapshot_day
            and rated.horizon = company_rate.horizon
            and rated.part = company_rate.part
            and company_rate.cell_level = 'company'
    group by 1, 2, 3, 4, 5, 6, 7, 8
)

select
    expected.snapshot_day,
    expected.horizon,
    weeks.quarter_index,
    weeks.close_quarter,
    weeks.close_quarter_start,
    weeks.weeks_to_start,
    weeks.stands_for_week,
    weeks.has_started,
    expected.cell_level,
    {{ cell('expected') }},
    cast(expected.quarter_count as integer) as quarter_count,
    case when expected.quarter_count >= {{ var('starting_minimum_quarters') }} then expected.cell_level else 'company' end as rate_level,
    expected.same_amount,
    case when expected.company_quarters >= {{ var('starting_minimum_quarters') }} then cast(expected.expected_amount as decimal(28, 2)) end as forecast_amount,
    case when weeks.has_started then expected.start_amount end as start_amount
from expected
inner join {{ ref('int_starting__weeks') }} as weeks
    on expected.snapshot_day = weeks.snapshot_day and expected.horizon = weeks.horizon
