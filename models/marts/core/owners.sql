select
    user_id as owner_id,
    crm,
    team,
    role,
    manager_id,
    is_active,
    start_date
from {{ ref('crm_users') }}
