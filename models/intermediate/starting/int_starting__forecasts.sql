{%- set quarters = var('starting_trailing_quarters') -%}
{%- set key = 'snapshot_day, horizon, cell_level, ' ~ cell() -%}
{%- set words = (['cell_level'] + cell_columns() + ['part']) | join(" || '|' || ") -%}
-- What each quarter ahead will start with: every part as far as it landed in the quarters that had
-- started by then, seen from as many weeks before.
with parts as (
    select
        parts.*,
        weeks.quarter_index,
        weeks.close_quarter_start,
        weeks.weeks_to_start,
        weeks.stands_for_week,
        -- One number instead of seven words, so that every database joins on a hash.
        {{ integer_key(words) }} as series_key
    from {{ ref('int_starting__parts') }} as parts
    inner join {{ ref('int_starting__weeks') }} as weeks
        on parts.snapshot_day = weeks.snapshot_day and parts.horizon = weeks.horizon
),

seen as (
    select
        parts.snapshot_day,
        parts.horizon,
        parts.series_key,
        count(*) as quarter_count,
        {{ ratio('sum(past.landed_amount)', 'sum(past.base_amount)') }} as landing_rate
    from parts
    inner join parts as past
        on
            parts.series_key = past.series_key
            and parts.weeks_to_start = past.weeks_to_start
            and past.stands_for_week
            -- had started by then
            and parts.snapshot_day >= past.close_quarter_start
            and parts.quarter_index - past.quarter_index <= {{ quarters }} + parts.horizon - 1
    group by parts.snapshot_day, parts.horizon, parts.series_key
),

rated as (
    select
        parts.*,
        seen.landing_rate,
        -- Where too few quarters have been seen the company speaks for the cell.
        max(case when parts.part = 'created' then coalesce(seen.quarter_count, 0) else 0 end)
            over (partition by parts.snapshot_day, parts.horizon, parts.cell_level, {{ cell('parts') }}) as quarter_count
    from parts
    left join seen
        on
            parts.series_key = seen.series_key
            and parts.snapshot_day = seen.snapshot_day
            and parts.horizon = seen.horizon
),

expected as (
    select
        rated.snapshot_day,
        rated.horizon,
        rated.cell_level,
        {{ cell('rated') }},
        max(company.quarter_count) as company_quarters,
        min(rated.quarter_count) as quarter_count,
        sum(rated.landed_amount) as start_amount,
        sum(case when rated.part = 'same' then rated.base_amount else 0 end) as same_amount,
        sum(
            rated.base_amount
            * case
                when rated.quarter_count >= {{ var('starting_minimum_quarters') }}
                    then coalesce(rated.landing_rate, company.landing_rate, 0)
                else coalesce(company.landing_rate, 0)
            end
        ) as expected_amount
    from rated
    left join rated as company
        on
            rated.snapshot_day = company.snapshot_day
            and rated.horizon = company.horizon
            and rated.part = company.part
            and company.cell_level = 'company'
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
