-- What is open at the end of a quarter is what was open before, with what was created and without
-- what closed; and today it is what `opportunities` shows as open and qualified.
with quarters as (
    select
        period,
        open_count,
        created_count - won_count - lost_count - derailed_count as net_created_count,
        lag(open_count) over (order by period_start) as open_count_before
    from {{ ref('sales_velocity') }}
    where period_kind = 'quarter' and cell_level = 'company'
),

today as (
    select count(*) as open_count
    from {{ ref('opportunities') }}
    where outcome = 'open' and qualified_at is not null
)

select
    period,
    open_count,
    open_count_before + net_created_count as expected_open_count
from quarters
where open_count <> open_count_before + net_created_count
union all
select
    velocity.period,
    velocity.open_count,
    today.open_count as expected_open_count
from {{ ref('sales_velocity') }} as velocity
cross join today
where
    velocity.period_kind = 'trailing_year'
    and velocity.cell_level = 'company'
    and velocity.open_count <> today.open_count
    -- else what nobody works on is derailed here and open there
    and '{{ var("zombie_policy") }}' = 'open'
