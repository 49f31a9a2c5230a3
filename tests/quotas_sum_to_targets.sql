-- Quotas of a month are its targets: rounded once to opportunities, exactly to the cent.
with targets as (
    select
        fiscal_month,
        round(sum(target_count), 0) as target_count,
        sum(target_amount) as target_amount
    from {{ ref('target_vintages') }}
    where is_plan_in_force and funnel_step = 'qualified' and target_count is not null
    group by fiscal_month
),

quotas as (
    select
        fiscal_month,
        sum(quota_count) as quota_count,
        sum(quota_amount) as quota_amount
    from {{ ref('quotas') }}
    group by fiscal_month
)

select *
from targets
full outer join quotas on targets.fiscal_month = quotas.fiscal_month
where
    quotas.fiscal_month is null
    or targets.fiscal_month is null
    or targets.target_count <> quotas.quota_count
    or targets.target_amount <> quotas.quota_amount
