{#-
    For a CRM that keeps no history of opportunities: each run records the states that are new since the
    run before. What changed more than once in between is seen once.
-#}
{% snapshot opportunity_states %}
{{ config(
    enabled=var('snapshot_crms') | length > 0 and not var('as_of_date'),
    schema='snapshots',
    unique_key='opportunity_key',
    strategy='check',
    check_cols=['stage_name', 'amount_original', 'close_date', 'owner_id'],
    updated_at='seen_at',
    invalidate_hard_deletes=false
) }}

select
    opportunity_key,
    crm,
    opportunity_id,
    stage_name,
    amount_original,
    close_date,
    owner_id,
    loaded_at,
    -- when it changed where the CRM tells, else when it was loaded; never the clock
    case when last_modified_at > created_at then last_modified_at else loaded_at end as seen_at
from {{ ref('crm_opportunities') }}
where crm in ('{{ var('snapshot_crms') | join("', '") }}')

{% endsnapshot %}
