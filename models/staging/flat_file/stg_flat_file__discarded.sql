{{ config(enabled='flat_file' in var('crm_sources')) }}
-- Staging leaves out no row of a file.
select
    cast(null as {{ dbt.type_string() }}) as contract_table,
    cast(null as {{ dbt.type_string() }}) as row_id,
    cast(null as {{ dbt.type_string() }}) as reason,
    0 as row_count,
    cast(null as {{ dbt.type_timestamp() }}) as loaded_at
where false
