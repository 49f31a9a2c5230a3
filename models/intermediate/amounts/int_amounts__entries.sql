with entries as (
    select
        qualified.opportunity_key,
        periods.period,
        opportunities.crm,
        coalesce(attributes.owner_id, 'unassigned') as owner_id,
        attributes.segment,
        attributes.deal_type,
        attributes.pipeline_source,
        cast(qualified.qualified_at as date) as qualified_on,
        qualified.created_amount,
        case when qualified.amount_flag <> 'missing' then 1 else 0 end as is_known,
        cast(qualified.created_amount as {{ type_double() }}) as entry_amount,
        cast(coalesce(opportunities.corporate_rate, 1) as {{ type_double() }}) as corporate_rate
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on qualified.opportunity_key = attributes.opportunity_key
    inner join {{ ref('crm_opportunities') }} as opportunities
        on qualified.opportunity_key = opportunities.opportunity_key
    inner join {{ ref('int_amounts__periods') }} as periods
        on
            cast(qualified.qualified_at as date) >= periods.starts_on
            and cast(qualified.qualified_at as date) < periods.ends_before
),

usual as (
    select
        period,
        segment,
        deal_type,
        {{ ratio('sum(created_amount)', 'sum(is_known)') }} as usual_amount
    from entries
    group by period, segment, deal_type
)

select
    entries.opportunity_key,
    entries.period,
    entries.crm,
    entries.owner_id,
    entries.segment,
    entries.deal_type,
    entries.pipeline_source,
    entries.qualified_on,
    entries.created_amount,
    entries.is_known,
    -- What was typed is in the opportunity's own currency, and the cent was rounded in the
    -- corporate one: hence the tolerance.
    case
        when
            entries.is_known = 1
            and (
                {% for amount in var('placeholder_amounts') -%}
                abs(entries.entry_amount - {{ amount }} * entries.corporate_rate) < 0.006{{ ' or ' if not loop.last }}
                {%- else -%} false {%- endfor %}
            )
            then 1
        else 0
    end as is_placeholder,
    case
        when
            entries.is_known = 1
            and round(entries.entry_amount / (1000 * entries.corporate_rate)) >= 1
            and abs(
                entries.entry_amount
                - 1000 * entries.corporate_rate * round(entries.entry_amount / (1000 * entries.corporate_rate))
            ) < 0.006
            then 1
        else 0
    end as is_round,
    usual.usual_amount,
    entries.is_known * entries.entry_amount / usual.usual_amount as relative_amount
from entries
inner join usual
    on entries.period = usual.period and entries.segment = usual.segment and entries.deal_type = usual.deal_type
