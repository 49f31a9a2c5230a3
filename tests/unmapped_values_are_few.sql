{{ config(severity='warn') }}
{#- Raw values that no mapping knows, with the seed to add them to. One that the CRM wrote is
    listed from its first opportunity on; a missing one only where it is more than a few. -#}
{%- set dimensions = [
    ('segment', 'segment_rules', 'attributes.employees'),
    ('deal_type', 'deal_type_map', 'attributes.deal_type_raw'),
    ('territory', 'territory_map', 'attributes.country'),
    ('pipeline_source', 'pipeline_source_map', 'attributes.lead_source_raw'),
] -%}

with counted as (
    {% for dimension, seed, raw_value in dimensions -%}
    select
        opportunities.crm,
        '{{ seed }}' as seed,
        cast({{ raw_value }} as {{ dbt.type_string() }}) as raw_value,
        sum(case when attributes.{{ dimension }} = 'unmapped' then 1 else 0 end) as opportunity_count,
        sum(count(*)) over (partition by opportunities.crm) as opportunities_of_crm
    from {{ ref('opportunities') }} as opportunities
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on opportunities.opportunity_key = attributes.opportunity_key
    where opportunities.outcome <> 'deleted'
    group by opportunities.crm, {{ raw_value }}
    union all
    {% endfor -%}
    select
        crm,
        'stage_map' as seed,
        stage_name_current as raw_value,
        sum(case when stage_number = -1 then 1 else 0 end) as opportunity_count,
        sum(count(*)) over (partition by crm) as opportunities_of_crm
    from {{ ref('opportunities') }}
    where outcome <> 'deleted'
    group by crm, stage_name_current
)

select
    crm,
    seed,
    raw_value,
    opportunity_count
from counted
where
    opportunity_count > 0
    and (raw_value is not null or opportunity_count > 0.01 * opportunities_of_crm)
