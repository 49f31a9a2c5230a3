with qualified as (
    select
        current_state.opportunity_key,
        current_state.qualified_at,
        cast({{ dbt.dateadd('day', var('amount_grace_days'), 'current_state.qualified_at') }} as {{ dbt.type_timestamp() }})
            as grace_ends_at
    from {{ ref('int_opportunities__current') }} as current_state
    where current_state.qualified_at is not null and current_state.outcome <> 'deleted'
),

-- The versions that stood at some time between the qualification and the end of the grace.
candidates as (
    select
        qualified.opportunity_key,
        qualified.qualified_at,
        versions.valid_from,
        versions.amount,
        versions.close_date,
        row_number() over (
            partition by qualified.opportunity_key
            -- the first version with an amount, else the first
            order by
                case when versions.amount > 0 then 0 else 1 end,
                versions.valid_from,
                versions.amount,
                versions.close_date
        ) as preference
    from qualified
    inner join {{ ref('int_opportunities__versioned') }} as versions
        on
            qualified.opportunity_key = versions.opportunity_key
            and qualified.grace_ends_at >= versions.valid_from
            and (qualified.qualified_at < versions.valid_to or versions.valid_to is null)
            -- a state that another replaced in the same second never stood
            and (versions.valid_from < versions.valid_to or versions.valid_to is null)
)

select
    opportunity_key,
    qualified_at,
    cast(coalesce(case when amount > 0 then amount end, 0) as {{ money_type() }}) as created_amount,
    close_date as close_date_at_qualification,
    case
        when amount > 0 and valid_from <= qualified_at then 'known'
        when amount > 0 then 'within_grace'
        else 'missing'
    end as amount_flag
from candidates
where preference = 1
