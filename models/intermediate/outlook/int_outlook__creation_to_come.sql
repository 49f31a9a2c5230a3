{#-
    Pipeline yet to be created, by planning cell and month, on two bases: as it goes, the last twelve
    months' count with its growth and at the season of the month; as planned, the targets of the plan in force. Of the
    month of the as-of date the days that are left.
-#}
{%- set days_observed = dbt.datediff('min(cast(qualified.qualified_at as date))', 'max(as_of.as_of_date)', 'day') ~ ' + 1' -%}
with as_of as (
    select
        as_of.as_of_date,
        cast({{ dbt.dateadd('year', -1, 'as_of.as_of_date') }} as date) as year_ago
    from {{ ref('int_as_of') }} as as_of
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
),

-- A segment that is new grows as the company does.
paths as (
    select * from {{ ref('int_outlook__creation_paths') }}
)

select
    'as_it_goes' as creation_basis,
    months.fiscal_month,
    {{ cell('created') }},
    cast(created.trailing_count as integer) as trailing_count,
    coalesce(own_path.growth_factor, company_path.growth_factor, 1) as growth_factor,
    created.trailing_count / history.months
    * coalesce(segments.value, company.value, 1)
    * coalesce(own_path.growth_factor, company_path.growth_factor, 1)
    * months.share_left as creation_count,
    coalesce(own_path.relative_std, company_path.relative_std, 0) as growth_relative_std
from created
cross join {{ ref('int_outlook__months') }} as months
cross join history
left join paths as own_path
    on
        own_path.cell_level = 'segment'
        and created.segment = own_path.segment
        and months.fiscal_month = own_path.fiscal_month
left join paths as company_path
    on company_path.cell_level = 'company' and months.fiscal_month = company_path.fiscal_month
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
    cast(null as {{ type_double() }}) as growth_factor,
    cast(targets.target_count as {{ type_double() }}) * months.share_left as creation_count,
    cast(0 as {{ type_double() }}) as growth_relative_std
from {{ ref('pipeline_targets') }} as targets
inner join {{ ref('int_outlook__months') }} as months on targets.fiscal_month = months.fiscal_month
inner join {{ ref('int_plan_in_force') }} as plan_in_force
    on targets.fiscal_month = plan_in_force.fiscal_month and targets.plan_version = plan_in_force.plan_version
where targets.funnel_step = 'qualified' and targets.target_count is not null
