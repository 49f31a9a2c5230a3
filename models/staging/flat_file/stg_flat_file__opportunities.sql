{{ config(enabled='flat_file' in var('crm_sources')) }}
{%- set columns = raw_columns('flat_file', 'opportunities') -%}

with opportunities as (
    select
        {{ raw_text('opportunity_id', columns) }} as opportunity_id,
        {{ raw_text('account_id', columns) }} as account_id,
        {{ raw_text('owner_id', columns) }} as owner_id,
        {{ raw_text('lead_id', columns) }} as lead_id,
        {{ raw_text('name', columns) }} as name,
        {{ raw_text('deal_type', columns) }} as deal_type_raw,
        {{ raw_text('lead_source', columns) }} as lead_source_raw,
        {{ raw_text('record_type', columns) }} as record_type,
        {{ raw_text('stage_name', columns) }} as stage_name,
        {{ raw_money('amount', columns) }} as amount_original,
        coalesce(upper({{ raw_text('currency', columns) }}), '{{ var("corporate_currency") }}') as currency,
        {{ raw_date('close_date', columns) }} as close_date,
        coalesce({{ raw_boolean('is_deleted', columns) }}, false) as is_deleted,
        {{ raw_text('self_reported_source', columns) }} as self_reported_source,
        {{ raw_timestamp('created_at', columns) }} as created_at,
        {{ raw_timestamp('last_modified_at', columns) }} as last_modified_at,
        {{ raw_timestamp('_loaded_at', columns) }} as loaded_at,
        {{ raw_is_unreadable('amount', raw_money('amount', columns), columns) }} as is_amount_unreadable,
        {{ raw_is_unreadable('close_date', raw_timestamp('close_date', columns), columns) }} as is_close_date_unreadable
    from {{ raw_table('flat_file', 'opportunities', columns) }}
)

select
    opportunity_id,
    account_id,
    owner_id,
    lead_id,
    name,
    deal_type_raw,
    lead_source_raw,
    record_type,
    stage_name,
    amount_original,
    currency,
    -- Files bring no rates: only the corporate currency counts.
    cast(case when currency = '{{ var("corporate_currency") }}' then 1.0 end as decimal(18, 12)) as corporate_rate,
    close_date,
    -- Files have no flags of their own: stage_map says what is closed and won.
    cast(null as {{ dbt.type_boolean() }}) as is_closed,
    cast(null as {{ dbt.type_boolean() }}) as is_won,
    is_deleted,
    -- Files are loaded whole each time, so a load does not tell when a row was deleted.
    cast(null as {{ dbt.type_timestamp() }}) as deleted_at,
    self_reported_source,
    created_at,
    coalesce(last_modified_at, loaded_at) as last_modified_at,
    loaded_at,
    is_amount_unreadable,
    is_close_date_unreadable
from opportunities
