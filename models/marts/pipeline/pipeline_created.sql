select
    opportunities.opportunity_key,
    opportunities.opportunity_id,
    opportunities.crm,
    opportunities.qualified_at,
    calendar.fiscal_month,
    calendar.fiscal_quarter,
    calendar.week_start,
    {{ cell('opportunities') }},
    opportunities.entry_trigger,
    opportunities.responsible_team,
    opportunities.owner_id_as_of as owner_id,
    opportunities.amount_at_qualification as created_amount,
    opportunities.amount_flag,
    opportunities.amount as current_amount,
    opportunities.outcome,
    opportunities.closed_on,
    opportunities.as_of_date
from {{ ref('opportunities') }} as opportunities
inner join {{ ref('int_calendar') }} as calendar
    on cast(opportunities.qualified_at as date) = calendar.date_day
where opportunities.qualified_at is not null and opportunities.outcome <> 'deleted'
