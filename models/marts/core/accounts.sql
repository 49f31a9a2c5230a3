select
    accounts.account_id,
    accounts.crm,
    accounts.name,
    accounts.employees,
    accounts.country,
    accounts.industry,
    coalesce(segments.segment, 'unmapped') as segment,
    coalesce(territories.territory, 'unmapped') as territory,
    accounts.owner_id,
    accounts.merged_into_account_id,
    accounts.is_deleted
from {{ ref('crm_accounts') }} as accounts
left join {{ ref('segment_rules') }} as segments
    on
        accounts.employees >= segments.min_employees
        and accounts.employees <= coalesce(segments.max_employees, 2147483647)
left join {{ ref('territory_map') }} as territories on accounts.country = territories.country
