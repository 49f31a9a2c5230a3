{{ config(enabled='flat_file' in var('crm_sources')) }}
-- Files carry no history of owners, sources or accounts: those are today's.
select
    cast(null as {{ dbt.type_string() }}) as change_id,
    cast(null as {{ dbt.type_string() }}) as entity,
    cast(null as {{ dbt.type_string() }}) as entity_id,
    cast(null as {{ dbt.type_timestamp() }}) as changed_at,
    cast(null as {{ dbt.type_string() }}) as attribute,
    cast(null as {{ dbt.type_string() }}) as old_value,
    cast(null as {{ dbt.type_string() }}) as new_value,
    cast(null as {{ dbt.type_timestamp() }}) as loaded_at
where false
