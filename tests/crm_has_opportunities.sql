{{ config(severity='warn') }}
-- An empty CRM builds, but everything in it is zero: look at crm_sources, at the schema vars
-- (salesforce_schema, ...) and at whether the loader has run.
select 'no opportunity found in ' || '{{ var("crm_sources") | join(", ") }}' as problem
from (select count(*) as opportunity_count from {{ ref('crm_opportunities') }}) as counted
where opportunity_count = 0
