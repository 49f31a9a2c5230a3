{#-
    Pipeline yet to be created, by planning cell and month, on two bases: as it goes, the last twelve
    months' count at the season of the month; as planned, the targets of the plan in force. Of the
    month of the as-of date the days that are left.
-#}
{%- set days_observed = dbt.datediff('min(cast(qualified.qualified_at as date))', 'max(as_of.as_of_date)', 'day') ~ ' + 1' -%}
with as_of as (
    select
        as_of.as_of_date,
        calendar.fiscal_month,
        calendar.quarter_index,
        cast({{ dbt.dateadd('year', -1, 'as_of.as_of_date') }} as date) as year_ago
    from {{ ref('int_as_of') }} as as_of
    inner join {{ ref('int_calendar') }} as calendar on as_of.as_of_date = calendar.date_day
),

goals as (
    select max(fiscal_month) as last_month
    from {{ ref('int_goals') }}
),

months as (
    select
        calendar.fiscal_month,
        calendar.month_number,
        {{ ratio('sum(case when calendar.date_day > as_of.as_of_date then 1 else 0 end)', 'count(*)') }} as share_left
    from {{ ref('int_calendar') }} as calendar
    inner join as_of on calendar.fiscal_month >= as_of.fiscal_month
    cross join goals
    where
        calendar.fiscal_month <= goals.last_month
        or calendar.quarter_index <= as_of.quarter_index + {{ var('outlook_quarters') }}
    group by calendar.fiscal_month, calendar.month_number
),

-- A company younger than a year has the rate of the months it has.
history as (
    select
        least(
            cast(12 as {{ type_double() }}),
            greatest(1, ({{ days_observed }}) / 30.4375)
        ) as months
    from {{ ref('int_opportunities__qualified') }} as qualified
    cross join as_of
),

-- A cell that created nothing for a year is taken to go on creating nothing.
created as (
    select
        {{ cell('attributes') }},
        count(*) as trailing_count
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on qualified.opportunity_key = attributes.opportunity_key
    inner join as_of on cast(qualified.qualified_at as date) > as_of.year_ago
    group by {{ cell('attributes') }}
),

indices as (
    select * from {{ ref('int_seasonality__indices') }}
    where effect = 'creation'
)

select
    'as_it_goes' as creation_basis,
    months.fiscal_month,
    {{ cell('created') }},
    cast(created.trailing_count as integer) as trailing_count,
    created.trailing_count / history.months * coalesce(segments.value, company.value, 1) * months.share_left as creation_count
from created
cross join months
cross join history
left join indices as segments
    on
        segments.cell_level = 'segment'
        and created.segment = segments.segment
        and months.month_number = segments.fiscal_month_of_year
left join indices as company
    on company.cell_level = 'company' and months.month_number = company.fiscal_month_of_year
union all
select
    'as_planned' as creation_basis,
    months.fiscal_month,
    {{ cell('targets') }},
    cast(null as integer) as trailing_count,
    cast(targets.target_count as {{ type_double() }}) * months.share_left as creation_count
from {{ ref('pipeline_targets') }} as targets
inner join months on targets.fiscal_month = months.fiscal_month
inner join {{ ref('int_plan_in_force') }} as plan_in_force
    on targets.fiscal_month = plan_in_force.fiscal_month and targets.plan_version = plan_in_force.plan_version
where targets.funnel_step = 'qualified' and targets.target_count is not null
