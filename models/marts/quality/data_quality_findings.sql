with as_of as (
    select as_of_date from {{ ref('int_as_of') }}
),

{#- The findings that are listed already, and the table each is about. -#}
{%- set listed = [
    ('int_quality__opportunity_faults', "'opportunities'", '1'),
    ('int_quality__record_faults', 'contract_table', '1'),
    ('int_quality__history_order', "'opportunity_changes'", 'row_count'),
    ('int_quality__superseded', 'contract_table', 'row_count'),
] %}

found as (
    {%- for model, contract_table, row_count in listed %}
    select
        crm,
        {{ contract_table }} as contract_table,
        row_id,
        rule,
        handling,
        entered_on,
        {{ row_count }} as row_count,
        cast(null as {{ money_type() }}) as quarantined_amount
    from {{ ref(model) }}
    union all
    {%- endfor %}
    select
        faults.crm,
        'opportunity_changes' as contract_table,
        faults.opportunity_id as row_id,
        faults.fault as rule,
        case when faults.fault = 'history_stage_unmapped' then 'skipped' else 'repaired' end as handling,
        {{ fault_entered_on('faults.changed_at', 'faults.loaded_at') }} as entered_on,
        1 as row_count,
        cast(null as {{ money_type() }}) as quarantined_amount
    from {{ ref('int_quality__history_faults') }} as faults
    cross join as_of
    where not faults.is_quarantined
    union all
    select
        quarantine.crm,
        quarantine.contract_table,
        quarantine.row_id,
        quarantine.contract_table || '_' || quarantine.reason as rule,
        'quarantined' as handling,
        coalesce(cast(quarantine.loaded_at as date), as_of.as_of_date) as entered_on,
        1 as row_count,
        quarantine.amount as quarantined_amount
    from {{ ref('quarantine') }} as quarantine
    cross join as_of
),

-- What is wrong on one day with one row, or with the history of one. A build as of an earlier day
-- leaves out what entered later; on the last day nothing can be later.
counted as (
    select
        crm,
        contract_table,
        row_id,
        rule,
        handling,
        {% if var('as_of_date') -%}
        entered_on,
        {%- else -%}
        case when entered_on > as_of.as_of_date then as_of.as_of_date else entered_on end as entered_on,
        {%- endif %}
        as_of.as_of_date,
        sum(row_count) as row_count,
        sum(case when quarantined_amount > 0 then quarantined_amount else 0 end) as quarantined_sum,
        max(case when quarantined_amount > 0 then quarantined_amount else 0 end) as quarantined_most
    from found
    cross join as_of
    {% if var('as_of_date') -%} where entered_on <= as_of.as_of_date {%- endif %}
    group by 1, 2, 3, 4, 5, 6, 7
),

numbered as (
    select
        *,
        row_number() over (partition by crm, contract_table, row_id, rule order by entered_on) as sequence
    from counted
),

amounts as (
    select
        opportunities.crm,
        opportunities.opportunity_id,
        current_state.amount
    from {{ ref('crm_opportunities') }} as opportunities
    inner join {{ ref('int_opportunities__current') }} as current_state
        on opportunities.opportunity_key = current_state.opportunity_key
)

select
    numbered.crm,
    numbered.contract_table,
    numbered.row_id,
    numbered.rule,
    numbered.handling,
    numbered.entered_on,
    cast(numbered.row_count as bigint) as row_count,
    -- An opportunity's amount counts once a rule, on the day of its first finding.
    cast(case
        when numbered.contract_table = 'opportunities' and numbered.handling = 'quarantined' then numbered.quarantined_sum
        when numbered.row_id is null or numbered.sequence > 1 or numbered.handling = 'superseded' then 0
        else coalesce(amounts.amount, numbered.quarantined_most)
    end as decimal(28, 2)) as amount_affected,
    numbered.as_of_date
from numbered
left join amounts
    on
        numbered.contract_table in ('opportunities', 'opportunity_changes')
        and numbered.crm = amounts.crm
        and numbered.row_id = amounts.opportunity_id
