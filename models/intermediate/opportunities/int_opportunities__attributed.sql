{%- set standard = ['segment', 'deal_type', 'territory', 'pipeline_source'] -%}
{%- set custom = var('plan_dimensions') | reject('in', standard) | list -%}
{%- set known = ['entry_trigger', 'responsible_team', 'industry', 'country', 'record_type', 'owner_team'] -%}
{%- for dimension in custom if dimension not in known -%}
{{ exceptions.raise_compiler_error("plan_dimensions names '" ~ dimension ~ "'; beside " ~ standard | join(', ') ~ " it may name " ~ known | join(', ')) }}
{%- endfor -%}

with settled as (
    select * from {{ ref('int_opportunities__settled') }}
),

mapped as (
    select
        settled.opportunity_key,
        settled.settled_at,
        settled.owner_id,
        settled.lead_source_raw,
        settled.deal_type_raw,
        settled.country,
        settled.employees,
        settled.record_type,
        settled.industry,
        settled.is_account_dangling,
        settled.is_account_missing,
        settled.owner_id is not null and users.user_id is null as is_owner_dangling,
        coalesce(segments.segment, 'unmapped') as mapped_segment,
        coalesce(deal_types.deal_type, 'unmapped') as mapped_deal_type,
        coalesce(territories.territory, 'unmapped') as mapped_territory,
        coalesce(sources.pipeline_source, 'unmapped') as mapped_pipeline_source,
        coalesce(sources.entry_trigger, 'unmapped') as entry_trigger,
        coalesce(sources.responsible_team, 'unmapped') as responsible_team,
        users.team as owner_team
    from settled
    left join {{ ref('segment_rules') }} as segments
        on
            settled.employees >= segments.min_employees
            and settled.employees <= coalesce(segments.max_employees, 2147483647)
    left join {{ ref('deal_type_map') }} as deal_types
        on settled.crm = deal_types.crm and settled.deal_type_raw = deal_types.deal_type_raw
    left join {{ ref('territory_map') }} as territories
        on settled.country = territories.country
    left join {{ ref('pipeline_source_map') }} as sources
        on
            settled.crm = sources.crm
            and settled.lead_source_raw = sources.lead_source
            and cast(settled.settled_at as date) >= coalesce(sources.valid_from, cast('1900-01-01' as date))
            and cast(settled.settled_at as date) < coalesce(sources.valid_to, cast('2999-12-31' as date))
    left join {{ ref('crm_users') }} as users
        on settled.crm = users.crm and settled.owner_id = users.user_id
),

celled as (
    select
        mapped.*,
        -- The planning cell: a dimension that is not planned by has one value for all.
        {% for dimension in standard -%}
        {{ 'mapped_' ~ dimension if dimension in var('plan_dimensions') else "'all'" }} as {{ dimension }},
        {% endfor -%}
        {% if custom -%}
            {% for dimension in custom -%}
                coalesce(cast({{ dimension }} as {{ dbt.type_string() }}), 'unmapped'){{ " || ' | ' || " if not loop.last }}
            {%- endfor %}
        {%- else -%} 'all' {%- endif %} as custom_dimension
    from mapped
)

select
    opportunity_key,
    settled_at,
    owner_id,
    owner_team,
    lead_source_raw,
    deal_type_raw,
    country,
    employees,
    is_account_dangling,
    is_account_missing,
    is_owner_dangling,
    entry_trigger,
    responsible_team,
    {{ cell() }},
    {{ cell_key(*cell_columns()) }} as cell_key
from celled
