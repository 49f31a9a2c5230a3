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

-- Copies of a change are found where the history is sorted anyway.
history_duplicates as (
    select
        opportunities.crm,
        'opportunity_changes' as contract_table,
        count(*) as row_count
    from {{ ref('int_opportunities__versioned') }} as versions
    inner join {{ ref('crm_opportunities') }} as opportunities
        on versions.opportunity_key = opportunities.opportunity_key
    where versions.is_duplicate
    group by opportunities.crm
),

-- Older copies of a row that came more than once, and rows the CRM has deleted.
superseded as (
    select
        crm,
        contract_table,
        row_count
    from history_duplicates
    union all
    {%- for contract_table in ['opportunities', 'leads', 'accounts', 'users'] %}
    select
        crm,
        '{{ contract_table }}' as contract_table,
        sum(superseded_row_count) as row_count
    from {{ ref('crm_' ~ contract_table) }}
    group by crm
    union all
    {%- endfor %}
    {%- for crm in crms() %}
    {%- for contract_table, required in [
        ('users', 'user_id is not null'),
        ('touches', 'touch_id is not null and occurred_at is not null'),
        ('opportunity_changes', 'opportunity_id is not null and changed_at is not null'),
    ] %}
    select
        '{{ crm }}' as crm,
        '{{ contract_table }}' as contract_table,
        count(*) as row_count
    from {{ ref('stg_' ~ crm ~ '__' ~ contract_table) }}
    where is_deleted and {{ required }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

superseded_by_table as (
    select
        crm,
        contract_table,
        sum(row_count) as rows_superseded
    from superseded
    group by crm, contract_table
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
    cast(coalesce(published.rows_published, 0) - coalesce(history_duplicates.row_count, 0) as bigint) as rows_published,
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
left join history_duplicates
    on received.crm = history_duplicates.crm and received.contract_table = history_duplicates.contract_table
left join superseded_by_table as superseded
    on received.crm = superseded.crm and received.contract_table = superseded.contract_table
