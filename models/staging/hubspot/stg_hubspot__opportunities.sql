{{ config(enabled='hubspot' in var('crm_sources')) }}
{%- set columns = raw_columns('hubspot', 'deal') -%}
{%- set history_columns = raw_columns('hubspot', 'deal_property_history') -%}
{%- set company_columns = raw_columns('hubspot', 'deal_company') -%}
{%- set contact_columns = raw_columns('hubspot', 'deal_contact') -%}
{%- set merge_columns = raw_columns('hubspot', 'merged_deal') -%}
{%- set primary_company = 5 -%}

with deals as (
    select
        {{ raw_id('deal_id', columns) }} as opportunity_id,
        {{ raw_id('owner_id', columns) }} as owner_id,
        {{ raw_id('deal_pipeline_id', columns) }} as pipeline_id,
        {{ raw_id('deal_pipeline_stage_id', columns) }} as stage_id,
        {{ raw_id('property_hs_primary_associated_company', columns) }} as primary_company_id,
        {{ raw_text('property_dealname', columns) }} as name,
        {{ raw_text('property_dealtype', columns) }} as deal_type_raw,
        {{ raw_text('property_' ~ hubspot_lead_source(columns), columns) }} as lead_source_raw,
        {{ raw_money('property_amount', columns) }} as amount_original,
        coalesce(upper({{ raw_text('property_deal_currency_code', columns) }}), '{{ var("corporate_currency") }}') as currency,
        {{ raw_number('property_hs_exchange_rate', columns) }} as exchange_rate,
        {{ raw_number('property_amount_in_home_currency', columns) }} as home_amount,
        {{ hubspot_day(raw_timestamp('property_closedate', columns)) }} as close_date,
        {{ raw_boolean('property_hs_is_closed', columns) }} as is_closed,
        {{ raw_boolean('property_hs_is_closed_won', columns) }} as is_won,
        coalesce({{ raw_boolean('is_deleted', columns) }}, {{ raw_boolean('_fivetran_deleted', columns) }}, false) as is_deleted,
        {{ raw_text('property_self_reported_source', columns) }} as self_reported_source,
        {{ raw_timestamp('property_createdate', columns) }} as created_at,
        coalesce(
            {{ raw_timestamp('property_hs_lastmodifieddate', columns) }},
            {{ raw_timestamp('_fivetran_synced', columns) }}
        ) as last_modified_at,
        coalesce({{ raw_timestamp('archived_at', columns) }}, {{ raw_timestamp('_fivetran_synced', columns) }}) as deleted_at,
        {{ raw_timestamp('_fivetran_synced', columns) }} as loaded_at,
        {{ raw_is_unreadable('property_amount', raw_money('property_amount', columns), columns) }} as is_amount_unreadable,
        {{ raw_is_unreadable('property_closedate', raw_timestamp('property_closedate', columns), columns) }} as is_close_date_unreadable
    from {{ raw_table('hubspot', 'deal', columns) }}
),

stages as (
    {{ hubspot_stages() }}
),

labels as (
    {{ hubspot_labels('stages') }}
),

pipelines as (
    select
        pipeline_id,
        max(pipeline_label) as label
    from stages
    group by pipeline_id
),

-- A deal may be with several companies: the one HubSpot calls primary, else the first of them.
companies as (
    select
        deal_id,
        cast(
            cast(coalesce(min(case when type_id = {{ primary_company }} then company_id end), min(company_id)) as bigint)
            as {{ dbt.type_string() }}
        ) as account_id
    from (
        select
            {{ raw_id('deal_id', company_columns) }} as deal_id,
            {{ raw_id_number('company_id', company_columns) }} as company_id,
            {{ raw_number('type_id', company_columns) }} as type_id
        from {{ raw_table('hubspot', 'deal_company', company_columns) }}
    ) as associations
    group by deal_id
),

-- The first contact of a deal is its lead.
contacts as (
    select
        {{ raw_id('deal_id', contact_columns) }} as deal_id,
        cast(cast(min({{ raw_id_number('contact_id', contact_columns) }}) as bigint) as {{ dbt.type_string() }}) as lead_id
    from {{ raw_table('hubspot', 'deal_contact', contact_columns) }}
    group by 1
),

-- HubSpot moves a deal's rate along; the first is that of its creation.
rates as (
    select
        deal_id,
        {{ text_to_number('min(value)') }} as exchange_rate
    from (
        select
            {{ raw_id('deal_id', history_columns) }} as deal_id,
            {{ raw_text('value', history_columns) }} as value,
            row_number() over (
                partition by {{ raw_id('deal_id', history_columns) }}
                order by {{ raw_timestamp('timestamp', history_columns) }}
            ) as sequence
        from {{ raw_table('hubspot', 'deal_property_history', history_columns) }}
        where {{ raw_text('name', history_columns) }} = 'hs_exchange_rate'
    ) as recorded_rates
    where sequence = 1
    group by deal_id
),

merged as (
    select distinct {{ raw_id('merged_deal_id', merge_columns) }} as deal_id
    from {{ raw_table('hubspot', 'merged_deal', merge_columns) }}
)

select
    deals.opportunity_id,
    coalesce(deals.primary_company_id, companies.account_id) as account_id,
    deals.owner_id,
    contacts.lead_id,
    deals.name,
    deals.deal_type_raw,
    deals.lead_source_raw,
    pipelines.label as record_type,
    coalesce(stages.label, labels.label, deals.stage_id) as stage_name,
    deals.amount_original,
    deals.currency,
    -- Corporate currency for one unit of the original, one rate for a deal's whole life.
    case
        when deals.currency = '{{ var("corporate_currency") }}' then cast(1 as decimal(18, 12))
        else {{ rate_to_decimal(
            'coalesce(rates.exchange_rate, deals.exchange_rate, ' ~ ratio('deals.home_amount', 'deals.amount_original') ~ ')'
        ) }}
    end as corporate_rate,
    deals.close_date,
    coalesce(deals.is_closed, stages.is_closed) as is_closed,
    coalesce(deals.is_won, stages.is_won) as is_won,
    deals.is_deleted or merged.deal_id is not null as is_deleted,
    case when deals.is_deleted or merged.deal_id is not null then deals.deleted_at end as deleted_at,
    deals.self_reported_source,
    deals.created_at,
    deals.last_modified_at,
    deals.loaded_at,
    deals.is_amount_unreadable,
    deals.is_close_date_unreadable
from deals
left join stages
    on deals.pipeline_id = stages.pipeline_id and {{ hubspot_stage_key('deals.stage_id') }} = stages.stage_key
left join labels on {{ hubspot_stage_key('deals.stage_id') }} = labels.stage_key
left join pipelines on deals.pipeline_id = pipelines.pipeline_id
left join companies on deals.opportunity_id = companies.deal_id
left join contacts on deals.opportunity_id = contacts.deal_id
left join rates on deals.opportunity_id = rates.deal_id
left join merged on deals.opportunity_id = merged.deal_id
