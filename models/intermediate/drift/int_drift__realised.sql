-- Every assumption of a plan beside what happened, and whether that is enough to judge it by.
with realised as (
    select
        plan_version,
        parameter,
        measure,
        unit,
        cell_level,
        {{ cell() }},
        assumed,
        actual,
        std_error,
        n,
        n_events,
        effective_n,
        unseen_share
    from {{ ref('int_drift__realised_rates') }}
    union all
    select
        plan_version,
        parameter,
        measure,
        unit,
        cell_level,
        {{ cell() }},
        assumed,
        actual,
        std_error,
        n,
        n_events,
        effective_n,
        0 as unseen_share
    from {{ ref('int_drift__realised_amounts') }}
)

select *
from realised
