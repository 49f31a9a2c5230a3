-- This fiscal year's finished months: pipeline created against target, by source and the team that
-- answers for it. For the weekly meeting of sales and marketing.
with this_year as (
    select distinct calendar.fiscal_year
    from {{ ref('fiscal_calendar') }} as calendar
    inner join {{ ref('pipeline_created_vs_target') }} as created on calendar.date_day = created.as_of_date
)

select
    created.pipeline_source,
    created.responsible_team,
    sum(created.created_count) as created_count,
    sum(created.target_count) as target_count,
    sum(created.created_amount) as created_amount,
    sum(created.target_amount) as target_amount,
    {{ ratio('sum(created.created_amount)', 'sum(created.target_amount)') }} as attainment_amount
from {{ ref('pipeline_created_vs_target') }} as created
inner join {{ ref('fiscal_calendar') }} as calendar on created.fiscal_month = calendar.date_day
inner join this_year on calendar.fiscal_year = this_year.fiscal_year
where created.is_plan_in_force and created.period_status = 'past'
group by created.pipeline_source, created.responsible_team
order by created.pipeline_source
