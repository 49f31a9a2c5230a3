-- Every mart that publishes pipeline created gives the same count and the same dollars in every
-- quarter, and pipeline_created_vs_target does so under each plan version.
with places as (
    select 'pipeline_created_weekly' as published_in
    union all
    select plan_version as published_in from {{ ref('plan_versions') }}
    union all
    select 'unplanned' as published_in
    where not exists (select 1 from {{ ref('plan_versions') }})
),

expected as (
    select
        places.published_in,
        created.fiscal_quarter,
        count(*) as created_count,
        sum(created.created_amount) as created_amount
    from {{ ref('pipeline_created') }} as created
    cross join places
    group by places.published_in, created.fiscal_quarter
),

published as (
    select
        'pipeline_created_weekly' as published_in,
        fiscal_quarter,
        sum(created_count) as created_count,
        sum(created_amount) as created_amount
    from {{ ref('pipeline_created_weekly') }}
    group by fiscal_quarter
    union all
    select
        plan_version as published_in,
        fiscal_quarter,
        sum(created_count) as created_count,
        sum(created_amount) as created_amount
    from {{ ref('pipeline_created_vs_target') }}
    group by plan_version, fiscal_quarter
)

select
    coalesce(expected.published_in, published.published_in) as published_in,
    coalesce(expected.fiscal_quarter, published.fiscal_quarter) as fiscal_quarter,
    expected.created_count as expected_count,
    published.created_count,
    expected.created_amount as expected_amount,
    published.created_amount
from expected
full outer join published
    on expected.published_in = published.published_in and expected.fiscal_quarter = published.fiscal_quarter
where
    coalesce(expected.created_count, 0) <> coalesce(published.created_count, 0)
    or coalesce(expected.created_amount, 0) <> coalesce(published.created_amount, 0)
