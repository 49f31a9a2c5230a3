{{ config(enabled='salesforce' in var('crm_sources')) }}
{%- set columns = raw_columns('salesforce', 'opportunity') -%}
{%- set rate_columns = raw_columns('salesforce', 'dated_conversion_rate') -%}
{%- set record_type_columns = raw_columns('salesforce', 'record_type') -%}
{%- set lead_columns = raw_columns('salesforce', 'lead') -%}

with opportunities as (
    select
        {{ raw_id('id', columns) }} as opportunity_id,
        {{ raw_id('account_id', columns) }} as account_id,
        {{ raw_id('owner_id', columns) }} as owner_id,
        {{ raw_id('record_type_id', columns) }} as record_type_id,
        {{ raw_text('name', columns) }} as name,
        {{ raw_text('type', columns) }} as deal_type_raw,
        {{ raw_text('lead_source', columns) }} as lead_source_raw,
        {{ raw_text('stage_name', columns) }} as stage_name,
        {{ raw_money('amount', columns) }} as amount_original,
        upper({{ raw_text('currency_iso_code', columns) }}) as currency,
        {{ raw_date('close_date', columns) }} as close_date,
        {{ raw_boolean('is_closed', columns) }} as is_closed,
        {{ raw_boolean('is_won', columns) }} as is_won,
        {{ raw_deleted('is_deleted', columns) }} as is_deleted,
        {{ raw_text('self_reported_source_c', columns) }} as self_reported_source,
        {{ raw_timestamp('created_date', columns) }} as created_at,
        coalesce(
            {{ raw_deleted_at(columns) }},
            {{ raw_timestamp('last_modified_date', columns) }},
            {{ raw_timestamp('system_modstamp', columns) }},
            {{ raw_timestamp('_fivetran_synced', columns) }}
        ) as last_modified_at,
        -- a deletion moves the system's own stamp, not the date of the last modification
        coalesce(
            {{ raw_deleted_at(columns) }},
            {{ raw_timestamp('system_modstamp', columns) }},
            {{ raw_timestamp('_fivetran_synced', columns) }}
        ) as deleted_at,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at,
        {{ raw_is_unreadable('amount', raw_money('amount', columns), columns) }} as is_amount_unreadable,
        {{ raw_is_unreadable('close_date', raw_timestamp('close_date', columns), columns) }} as is_close_date_unreadable
    from {{ raw_table('salesforce', 'opportunity', columns) }}
),

record_types as (
    select
        {{ raw_id('id', record_type_columns) }} as record_type_id,
        max({{ raw_text('name', record_type_columns) }}) as record_type
    from {{ raw_latest('salesforce', 'record_type', record_type_columns) }}
    group by 1
),

landed_rates as (
    select
        upper({{ raw_text('iso_code', rate_columns) }}) as currency,
        {{ raw_date('start_date', rate_columns) }} as valid_from,
        max({{ raw_date('next_start_date', rate_columns) }}) as valid_to,
        max({{ raw_number('conversion_rate', rate_columns) }}) as conversion_rate
    from {{ raw_latest('salesforce', 'dated_conversion_rate', rate_columns) }}
    where not ({{ raw_deleted('_fivetran_deleted', rate_columns) }})
    group by 1, 2
),

-- A rate holds until the next begins, whatever its own row says.
rates as (
    select
        currency,
        valid_from,
        coalesce(lead(valid_from) over (partition by currency order by valid_from), valid_to) as valid_to,
        conversion_rate
    from landed_rates
    where valid_from is not null
),

-- Without dates a currency has one rate, today's; it stands where no dated one does.
undated_rates as (
    {{ salesforce_undated_rates() }}
),

-- Several leads may be converted into one opportunity: the first of them is its lead.
converted_leads as (
    select
        {{ raw_id('converted_opportunity_id', lead_columns) }} as opportunity_id,
        min({{ raw_id('id', lead_columns) }}) as lead_id
    from {{ raw_table('salesforce', 'lead', lead_columns) }}
    where {{ raw_id('converted_opportunity_id', lead_columns) }} is not null
    group by 1
)

select
    opportunities.opportunity_id,
    opportunities.account_id,
    opportunities.owner_id,
    converted_leads.lead_id,
    opportunities.name,
    opportunities.deal_type_raw,
    opportunities.lead_source_raw,
    record_types.record_type,
    opportunities.stage_name,
    opportunities.amount_original,
    coalesce(opportunities.currency, '{{ var("corporate_currency") }}') as currency,
    -- Corporate currency for one unit of the original. One rate for an opportunity's whole life,
    -- that of its creation: amounts move only when somebody changes them, never with the market.
    case
        when coalesce(opportunities.currency, '{{ var("corporate_currency") }}') = '{{ var("corporate_currency") }}'
            then cast(1 as decimal(18, 12))
        else {{ rate_to_decimal(ratio('1', 'coalesce(rates.conversion_rate, undated_rates.conversion_rate)')) }}
    end as corporate_rate,
    opportunities.close_date,
    opportunities.is_closed,
    opportunities.is_won,
    opportunities.is_deleted,
    case when opportunities.is_deleted then opportunities.deleted_at end as deleted_at,
    opportunities.self_reported_source,
    opportunities.created_at,
    opportunities.last_modified_at,
    opportunities.loaded_at,
    opportunities.is_amount_unreadable,
    opportunities.is_close_date_unreadable
from opportunities
left join record_types on opportunities.record_type_id = record_types.record_type_id
left join converted_leads on opportunities.opportunity_id = converted_leads.opportunity_id
left join rates
    on
        opportunities.currency = rates.currency
        and opportunities.currency <> '{{ var("corporate_currency") }}'
        and cast(opportunities.created_at as date) >= rates.valid_from
        and (cast(opportunities.created_at as date) < rates.valid_to or rates.valid_to is null)
left join undated_rates
    on opportunities.currency = undated_rates.currency and opportunities.currency <> '{{ var("corporate_currency") }}'
