-- Count and amount of won deals, straight from the versions and as published.
with history as (
    select
        count(*) as won_count,
        coalesce(sum(amount), 0) as won_amount
    from {{ ref('int_opportunities__versioned') }}
    where valid_to is null and stage_number = {{ var('won_stage') }}
),

published as (
    select
        count(*) as won_count,
        coalesce(sum(amount), 0) as won_amount
    from {{ ref('opportunities') }}
    where outcome = 'won'
)

select
    history.won_count as won_count_in_history,
    published.won_count as won_count_published,
    history.won_amount as won_amount_in_history,
    published.won_amount as won_amount_published
from history
cross join published
where history.won_count <> published.won_count or history.won_amount <> published.won_amount
