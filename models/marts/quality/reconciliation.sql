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

-- Copies of a change are published, and counted as superseded all the same: they do no harm there.
history_copies as (
    select
        crm,
        'opportunity_changes' as contract_table,
        sum(row_count) as row_count
    from {{ ref('int_quality__history_order') }}
    where handling = 'superseded'
    group by crm
),

superseded as (
    select
        crm,
        contract_table,
        sum(row_count) as row_count
    from {{ ref('int_quality__superseded') }}
    group by crm, contract_table
),

-- What staging has left out as copies came in; the counts of rows out of scope have it, too.
discarded as (
    {%- for crm in crms() %}
    select
        '{{ crm }}' as crm,
        contract_table,
        sum(row_count) as row_count
    from {{ ref('stg_' ~ crm ~ '__discarded') }}
    group by contract_table
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
    cast(coalesce(published.rows_published, 0) - coalesce(history_copies.row_count, 0) as bigint) as rows_published,
    cast(coalesce(quarantined.rows_quarantined, 0) as bigint) as rows_quarantined,
    cast(coalesce(superseded.row_count, 0) + coalesce(history_copies.row_count, 0) as bigint) as rows_superseded,
    cast(received.rows_out_of_scope - coalesce(discarded.row_count, 0) as bigint) as rows_out_of_scope,
    as_of.as_of_date
from received
cross join {{ ref('int_as_of') }} as as_of
left join published
    on received.crm = published.crm and received.contract_table = published.contract_table
left join quarantined
    on received.crm = quarantined.crm and received.contract_table = quarantined.contract_table
left join history_copies
    on received.crm = history_copies.crm and received.contract_table = history_copies.contract_table
left join superseded
    on received.crm = superseded.crm and received.contract_table = superseded.contract_table
left join discarded
    on received.crm = discarded.crm and received.contract_table = discarded.contract_table
