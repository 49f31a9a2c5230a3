{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set columns = raw_columns('hubspot', 'owner') -%}
{%- set user_columns = raw_columns('hubspot', 'users') -%}
{%- set role_columns = raw_columns('hubspot', 'role') -%}
{%- set team_columns = raw_columns('hubspot', 'team') -%}
{%- set membership_columns = raw_columns('hubspot', 'owner_team') -%}

with owners as (
    select
        {{ raw_id('owner_id', columns) }} as owner_id,
        lower({{ raw_text('email', columns) }}) as email,
        {{ raw_id('active_user_id', columns) }} as active_user_id,
        coalesce(
            {{ raw_boolean('is_active', columns) }},
            {{ raw_id('active_user_id', columns) ~ ' is not null' if 'active_user_id' in columns else 'true' }}
        ) as is_active,
        {{ raw_date('created_at', columns) }} as start_date,
        coalesce({{ raw_boolean('_fivetran_deleted', columns) }}, false) as is_deleted,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at
    from {{ raw_table('hubspot', 'owner', columns) }}
),

-- The user behind an owner goes by the address: an owner who has left has no active user.
users as (
    select
        lower({{ raw_text('email', user_columns) }}) as email,
        max({{ raw_id('role_id', user_columns) }}) as role_id,
        max({{ raw_id('primary_team_id', user_columns) }}) as team_id
    from {{ raw_table('hubspot', 'users', user_columns) }}
    group by 1
),

roles as (
    select
        {{ raw_id('id', role_columns) }} as role_id,
        max({{ raw_text('name', role_columns) }}) as role
    from {{ raw_table('hubspot', 'role', role_columns) }}
    group by 1
),

teams as (
    select
        {{ raw_id('id', team_columns) }} as team_id,
        max({{ raw_text('name', team_columns) }}) as team
    from {{ raw_table('hubspot', 'team', team_columns) }}
    group by 1
),

memberships as (
    select
        {{ raw_id('owner_id', membership_columns) }} as owner_id,
        coalesce(
            min(
                case
                    when {{ raw_boolean('is_team_primary', membership_columns) }} then {{ raw_id('team_id', membership_columns) }}
                end
            ),
            min({{ raw_id('team_id', membership_columns) }})
        ) as team_id
    from {{ raw_table('hubspot', 'owner_team', membership_columns) }}
    group by 1
)

select
    owners.owner_id as user_id,
    teams.team,
    roles.role,
    -- HubSpot does not say who manages whom
    cast(null as {{ dbt.type_string() }}) as manager_id,
    owners.is_active,
    owners.start_date,
    owners.is_deleted,
    owners.loaded_at
from owners
left join users on owners.email = users.email
left join roles on users.role_id = roles.role_id
left join memberships on owners.owner_id = memberships.owner_id
left join teams on coalesce(memberships.team_id, users.team_id) = teams.team_id
