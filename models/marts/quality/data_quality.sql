with days as (
    select
        crm,
        rule,
        handling,
        entered_on,
        as_of_date,
        sum(row_count) as row_count,
        sum(amount_affected) as amount_affected
    from {{ ref('data_quality_findings') }}
    group by crm, rule, handling, entered_on, as_of_date
)

select
    crm,
    rule,
    handling,
    entered_on,
    cast(row_count as bigint) as row_count,
    cast(amount_affected as decimal(28, 2)) as amount_affected,
    cast(sum(row_count) over (partition by crm, rule, handling order by entered_on rows unbounded preceding) as bigint)
        as cumulative_row_count,
    cast(sum(amount_affected) over (partition by crm, rule, handling order by entered_on rows unbounded preceding) as decimal(28, 2))
        as cumulative_amount_affected,
    as_of_date
from days
