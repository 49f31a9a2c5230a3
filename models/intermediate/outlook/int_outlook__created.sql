-- Pipeline created so far, by planning cell and month, for the plan to read: no target is behind it.
select
    calendar.fiscal_month,
    {{ cell('attributes') }},
    cast(count(*) as integer) as created_count,
    cast(sum(qualified.created_amount) as {{ money_type() }}) as created_amount
from {{ ref('int_opportunities__qualified') }} as qualified
inner join {{ ref('int_opportunities__attributed') }} as attributes
    on qualified.opportunity_key = attributes.opportunity_key
inner join {{ ref('int_calendar') }} as calendar
    on cast(qualified.qualified_at as date) = calendar.date_day
group by calendar.fiscal_month, {{ cell('attributes') }}
