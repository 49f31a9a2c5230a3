-- The share won by age, by segment, as somebody would write it who needs nothing else.
with spells as (
    select
        segment,
        datediff('day', cast(qualified_at as date), case when outcome = 'open' then as_of_date else cast(closed_at as date) end) as age,
        case outcome when 'won' then 1 when 'open' then 0 else 2 end as cause
    from marts.opportunities
    where qualified_at is not null and outcome <> 'deleted'
),

events as (
    select segment, age, count(*) as leaving, sum(case when cause = 1 then 1 else 0 end) as won, sum(case when cause > 0 then 1 else 0 end) as ended
    from spells
    group by segment, age
),

at_risk as (
    select *, sum(leaving) over (partition by segment order by age desc) as n
    from events
),

surviving as (
    select
        *,
        coalesce(exp(sum(case when ended < n then ln(1 - ended / n) end)
            over (partition by segment order by age rows between unbounded preceding and 1 preceding)), 1) as survival
    from at_risk
)

select segment, age, sum(survival * won / n) over (partition by segment order by age) as share_won
from surviving
