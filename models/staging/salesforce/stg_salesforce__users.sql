{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'user') -%}
{%- set role_columns = raw_columns('salesforce', 'user_role') -%}

with users as (
    select
        {{ raw_id('id', columns) }} as user_id,
        {{ raw_text('department', columns) }} as team,
        {{ raw_id('user_role_id', columns) }} as user_role_id,
        {{ raw_id('manager_id', columns) }} as manager_id,
        coalesce({{ raw_boolean('is_active', columns) }}, true) as is_active,
        {{ raw_date('start_date_c', columns) }} as start_date_custom,
        {{ raw_date('created_date', columns) }} as created_on,
        {{ raw_deleted('_fivetran_deleted', columns) }} as is_deleted,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_table('salesforce', 'user', columns) }}
),

roles as (
    select
        {{ raw_id('id', role_columns) }} as user_role_id,
        max({{ raw_text('name', role_columns) }}) as role
    from {{ raw_latest('salesforce', 'user_role', role_columns) }}
    group by 1
)

select
    users.user_id,
    users.team,
    roles.role,
    users.manager_id,
    users.is_active,
    coalesce(users.start_date_custom, users.created_on) as start_date,
    users.is_deleted,
    users.loaded_at
from users
left join roles on users.user_role_id = roles.user_role_id
