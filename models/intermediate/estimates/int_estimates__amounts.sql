{%- set sums = [
    'created_count', 'created_known_count', 'lead_sourced_count', 'created_amount', 'created_amount_squared',
    'won_count', 'won_amount', 'won_amount_squared',
    'growth_count', 'growth_won_amount', 'growth_created_amount',
    'growth_won_amount_squared', 'growth_created_amount_squared', 'growth_product',
] -%}
with opportunities as (
    select
        {{ cell('attributes') }},
        cast(qualified.qualified_at as date) as qualified_on,
        qualified.created_amount,
        case when qualified.amount_flag <> 'missing' then 1 else 0 end as is_known,
        case when opportunities.lead_id is not null then 1 else 0 end as is_from_lead,
        case when current_state.outcome = 'won' then current_state.closed_on end as won_on,
        coalesce(current_state.amount, 0) as amount
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes
        on qualified.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_opportunities__current') }} as current_state
        on qualified.opportunity_key = current_state.opportunity_key
    inner join {{ ref('crm_opportunities') }} as opportunities
        on qualified.opportunity_key = opportunities.opportunity_key
),

measured as (
    select
        *,
        case when amount > 0 then 1 else 0 end as is_won_known,
        -- growth compares the same deals, those whose amount was known at both ends
        case when is_known = 1 and amount > 0 then 1 else 0 end as is_comparable
    from opportunities
),

windows as (
    select * from {{ ref('int_estimates__windows') }}
    where window_kind = 'planning'
),

-- Two events, each in the window in which it happened: qualifying and being won.
created as (
    select
        windows.estimation_window,
        {{ cell('measured') }},
        count(*) as created_count,
        sum(measured.is_known) as created_known_count,
        sum(measured.is_from_lead) as lead_sourced_count,
        sum(measured.created_amount) as created_amount,
        sum(measured.created_amount * measured.created_amount) as created_amount_squared
    from measured
    inner join windows on measured.qualified_on >= windows.starts_on and measured.qualified_on < windows.ends_before
    group by windows.estimation_window, {{ cell('measured') }}
),

won as (
    select
        windows.estimation_window,
        {{ cell('measured') }},
        sum(measured.is_won_known) as won_count,
        sum(measured.amount) as won_amount,
        sum(measured.amount * measured.amount) as won_amount_squared,
        sum(measured.is_comparable) as growth_count,
        sum(case when measured.is_comparable = 1 then measured.amount else 0 end) as growth_won_amount,
        sum(case when measured.is_comparable = 1 then measured.created_amount else 0 end) as growth_created_amount,
        sum(case when measured.is_comparable = 1 then measured.amount * measured.amount else 0 end) as growth_won_amount_squared,
        sum(case when measured.is_comparable = 1 then measured.created_amount * measured.created_amount else 0 end) as growth_created_amount_squared,
        sum(case when measured.is_comparable = 1 then measured.amount * measured.created_amount else 0 end) as growth_product
    from measured
    inner join windows on measured.won_on >= windows.starts_on and measured.won_on < windows.ends_before
    group by windows.estimation_window, {{ cell('measured') }}
),

by_cell as (
    select
        {% for column in cell_columns() -%}
        coalesce(created.{{ column }}, won.{{ column }}) as {{ column }},
        {% endfor -%}
        {% for column in sums -%}
        coalesce({{ 'created' if loop.index <= 5 else 'won' }}.{{ column }}, 0) as {{ column }},
        {% endfor -%}
        coalesce(created.estimation_window, won.estimation_window) as estimation_window
    from created
    full outer join won
        on created.estimation_window = won.estimation_window and {{ same_cell('created', 'won') }}
),

levelled as (
    select
        by_cell.estimation_window,
        {{ cell_at_level('by_cell') }},
        {% for column in sums -%}
        by_cell.{{ column }},
        {% endfor -%}
        levels.cell_level
    from by_cell
    cross join {{ ref('cell_levels') }} as levels
),

summed as (
    select
        estimation_window,
        cell_level,
        {{ cell() }},
        -- exact until here, so that every warehouse comes to the same floating point number
        {% for column in sums -%}
        cast(sum({{ column }}) as {{ type_double() }}) as {{ column }},
        {% endfor -%}
        {{ ratio('sum(growth_won_amount)', 'sum(growth_created_amount)') }} as growth
    from levelled
    group by estimation_window, cell_level, {{ cell() }}
)

select
    estimation_window,
    cell_level,
    {{ cell() }},
    cast(created_count as integer) as created_count,
    cast(created_known_count as integer) as created_known_count,
    {{ ratio('lead_sourced_count', 'created_count') }} as lead_sourced_share,
    {{ ratio('created_amount', 'created_known_count') }} as amount_at_qualification,
    {{ std_error_of_mean('created_known_count', 'created_amount', 'created_amount_squared') }} as amount_at_qualification_std_error,
    cast(won_count as integer) as won_count,
    {{ ratio('won_amount', 'won_count') }} as won_amount,
    {{ std_error_of_mean('won_count', 'won_amount', 'won_amount_squared') }} as won_amount_std_error,
    cast(growth_count as integer) as growth_count,
    -- a ratio of sums: a mean of ratios would let the smallest deals speak loudest
    growth as amount_growth,
    case
        when growth_count > 1
            then sqrt(greatest(
                growth_won_amount_squared - 2 * growth * growth_product + growth * growth * growth_created_amount_squared, 0
            ) * growth_count / (growth_count - 1)) / growth_created_amount
    end as amount_growth_std_error
from summed
