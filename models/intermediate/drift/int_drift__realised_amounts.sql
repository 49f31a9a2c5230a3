-- Amounts, growth, lead share and source mix as assumed and as they were, at each level; assumed
-- values are put together as in int_drift__realised_rates, by the deals behind each cell, growth by
-- the amount at qualification. The error of a mean is that of the deals around what was assumed of
-- their own cell: that segments differ makes no company's mean uncertain.
with celled as (
    select
        assumed.plan_version,
        assumed.parameter,
        assumed.measure,
        assumed.unit,
        {{ cell('assumed') }},
        {% for total in ['n', 'x', 'y', 'xx', 'xy', 'yy'] -%}
        coalesce(amounts.{{ total }}, 0) as {{ total }},
        {% endfor -%}
        assumed.assumed_value
    from {{ ref('int_drift__assumed') }} as assumed
    left join {{ ref('int_drift__amounts') }} as amounts
        on
            assumed.plan_version = amounts.plan_version
            and assumed.parameter = amounts.parameter
            and {{ same_cell('assumed', 'amounts') }}
    where assumed.measure in ('share', 'mean')
),

levelled as (
    select
        celled.plan_version,
        celled.parameter,
        celled.measure,
        celled.unit,
        levels.cell_level,
        {{ cell_at_level('celled') }},
        {% for total in ['n', 'x', 'y', 'xx', 'xy', 'yy'] -%}
        celled.{{ total }},
        {% endfor -%}
        celled.assumed_value,
        -- the sources of a goal cell share its opportunities, which count once whatever else divides them
        case
            when
                celled.parameter = 'source_mix' and levels.by_custom_dimension = 0
                and celled.custom_dimension <> min(celled.custom_dimension) over (
                    partition by
                        celled.plan_version, celled.parameter, levels.cell_level,
                        celled.segment, celled.deal_type, celled.territory, celled.pipeline_source
                )
                then 0
            else 1
        end as counts_once
    from celled
    inner join {{ ref('cell_levels') }} as levels
        on
            levels.is_published = 1
            and levels.cell_level <> 'goal_cell'
            -- the mix of all sources is the whole
            and (celled.parameter <> 'source_mix' or levels.cell_level in ('pipeline_source', 'cell'))
),

summed as (
    select
        plan_version,
        parameter,
        measure,
        unit,
        cell_level,
        {{ cell() }},
        sum(counts_once * n) as n,
        sum(counts_once * x) as x,
        sum(y) as y,
        sum(assumed_value * x) as expected,
        sum(yy - 2 * assumed_value * xy + assumed_value * assumed_value * xx) as squared_residuals,
        -- where nothing happened, every cell counts alike
        coalesce({{ ratio('sum(assumed_value * x)', 'sum(counts_once * x)') }}, {{ ratio('sum(assumed_value)', 'sum(counts_once)') }}) as assumed,
        {{ ratio('sum(y)', 'sum(counts_once * x)') }} as actual
    from levelled
    group by plan_version, parameter, measure, unit, cell_level, {{ cell() }}
),

measured as (
    select
        *,
        {{ ratio(std_error_of_mean('n', '(y - expected)', 'squared_residuals') ~ ' * n', 'x') }} as std_error_of_deals
    from summed
)

select
    plan_version,
    parameter,
    measure,
    unit,
    cell_level,
    {{ cell() }},
    assumed,
    actual,
    case
        when measure = 'share' and n > 0 then sqrt(greatest(actual * (1 - actual), 0) / n)
        -- deals that are all as assumed leave a rounding error, not a variance
        when std_error_of_deals > 0.0001 * actual then std_error_of_deals
        when n > 1 then 0
    end as std_error,
    cast(n as integer) as n,
    cast(case when measure = 'share' then y else n end as integer) as n_events,
    cast(n as {{ type_double() }}) as effective_n
from measured
