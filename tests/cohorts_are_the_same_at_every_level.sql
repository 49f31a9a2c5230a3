-- The cohorts of each level give the company's exposure and what it has won, at every age; and the
-- company's cohorts are the pipeline created in their quarters.
with sums as (
    select
        cell_level,
        measure,
        cohort_quarter,
        age_quarters,
        sum(exposure) as exposure,
        sum(cumulative) as cumulative
    from {{ ref('cohort_maturation') }}
    group by cell_level, measure, cohort_quarter, age_quarters
),

company as (
    select * from sums
    where cell_level = 'company'
),

levels as (
    select distinct cell_level from sums
),

created as (
    select
        fiscal_quarter,
        count(*) as created_count,
        sum(created_amount) as created_amount
    from {{ ref('pipeline_created') }}
    group by fiscal_quarter
)

select
    levels.cell_level,
    company.measure,
    company.cohort_quarter,
    company.age_quarters,
    company.exposure as company_exposure,
    sums.exposure,
    company.cumulative as company_cumulative,
    sums.cumulative
from company
cross join levels
left join sums
    on
        levels.cell_level = sums.cell_level
        and company.measure = sums.measure
        and company.cohort_quarter = sums.cohort_quarter
        and company.age_quarters = sums.age_quarters
left join created on company.cohort_quarter = created.fiscal_quarter
where
    sums.exposure is null
    -- each is a sum in floating point
    or abs(sums.exposure - company.exposure) > 0.01
    or abs(sums.cumulative - company.cumulative) > 0.01
    or abs(
        company.exposure
        - coalesce(case company.measure when 'wins' then created.created_count else created.created_amount end, -1)
    ) > 0.01
