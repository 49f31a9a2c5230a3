with received as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        contract_table,
        sum(rows_in) as rows_in,
        sum(rows_out_of_scope) as rows_out_of_scope
    from {{ ref('stg_' ~ crm ~ '__row_counts') }}
    group by contract_table
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

published as (
    {%- for contract_table in ['opportunities', 'opportunity_changes', 'attribute_changes', 'accounts', 'users', 'leads', 'lead_changes', 'touches'] %}
    select
        crm,
        '{{ contract_table }}' as contract_table,
        count(*) as rows_published
    from {{ ref('crm_' ~ contract_table) }}
    group by crm
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

-- Older copies of a row that came more than once, and rows the CRM has deleted.
superseded as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        'opportunities' as contract_table,
        count(*) - count(distinct opportunity_id) as rows_superseded
    from {{ ref('stg_' ~ crm ~ '__opportunities') }}
    where opportunity_id is not null and created_at is not null
    union all
    select
        '{{ crm }}' as crm,
        'leads' as contract_table,
        count(*) - count(distinct lead_id) as rows_superseded
    from {{ ref('stg_' ~ crm ~ '__leads') }}
    where lead_id is not null and created_at is not null
    union all
    select
        '{{ crm }}' as crm,
        'accounts' as contract_table,
        count(*) - count(distinct account_id) as rows_superseded
    from {{ ref('stg_' ~ crm ~ '__accounts') }}
    where account_id is not null
    union all
    select
        '{{ crm }}' as crm,
        'users' as contract_table,
        count(*) - count(distinct case when not is_deleted then user_id end) as rows_superseded
    from {{ ref('stg_' ~ crm ~ '__users') }}
    where user_id is not null
    union all
    select
        '{{ crm }}' as crm,
        'opportunity_changes' as contract_table,
        count(*) as rows_superseded
    from {{ ref('stg_' ~ crm ~ '__opportunity_changes') }}
    where is_deleted and opportunity_id is not null and changed_at is not null
    union all
    select
        '{{ crm }}' as crm,
        'touches' as contract_table,
        count(*) as rows_superseded
    from {{ ref('stg_' ~ crm ~ '__touches') }}
    where is_deleted and touch_id is not null and occurred_at is not null
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

quarantined as (
    select
        crm,
        contract_table,
        count(*) as rows_quarantined
    from {{ ref('quarantine') }}
    group by crm, contract_table
)

select
    received.crm,
    received.contract_table,
    cast(received.rows_in as bigint) as rows_in,
    cast(coalesce(published.rows_published, 0) as bigint) as rows_published,
    cast(coalesce(quarantined.rows_quarantined, 0) as bigint) as rows_quarantined,
    cast(coalesce(superseded.rows_superseded, 0) as bigint) as rows_superseded,
    cast(received.rows_out_of_scope as bigint) as rows_out_of_scope,
    as_of.as_of_date
from received
cross join {{ ref('int_as_of') }} as as_of
left join published
    on received.crm = published.crm and received.contract_table = published.contract_table
left join quarantined
    on received.crm = quarantined.crm and received.contract_table = quarantined.contract_table
left join superseded
    on received.crm = superseded.crm and received.contract_table = superseded.contract_table
