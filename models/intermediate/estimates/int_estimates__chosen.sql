-- The cells that a plan may use: those with any history, and those to which the mix of their
-- parent gives a share though they have none of their own yet.
with cells as (
    select {{ cell() }}
    from {{ ref('int_estimates__amounts') }}
    where cell_level = 'cell' and estimation_window = 'all_time'
    union
    select {{ cell() }}
    from {{ ref('int_estimates__source_mix') }}
    where value > 0
),

weighted as (
    select * from {{ ref('int_estimates__windowed') }}
),

-- The levels that may speak for a cell, with the cell as it is seen there. Of a lead nothing but
-- its channel is known, so the channel speaks for the lead's parameters and for no other; whether
-- opportunities start as leads is a matter of channel and deal type.
keys as (
    select
        {{ cell('cells') }},
        levels.cell_level,
        case levels.cell_level
            when 'cell' then 1
            when 'pipeline_source' then 2
            when 'deal_type_source' then 2
            when 'segment_deal_type' then 3
            when 'segment' then 4
            else 5
        end as distance,
        {{ cell_at_level('cells', prefix='level_') }}
    from cells
    inner join {{ ref('cell_levels') }} as levels
        on levels.cell_level in ('cell', 'pipeline_source', 'deal_type_source', 'segment_deal_type', 'segment', 'company')
),

-- The most detailed level with enough observations speaks for the cell. A parent's whole history
-- goes before its own parent's recent quarter: an enterprise deal of two years ago says more of the
-- next one than last quarter's small deals. Where nothing has enough, the company's history does.
candidates as (
    select
        {{ cell('keys') }},
        weighted.parameter,
        weighted.unit,
        weighted.method,
        weighted.cell_level as source_level,
        weighted.lookback_value,
        weighted.lookback_std_error,
        weighted.lookback_n,
        weighted.prior_year_value,
        weighted.prior_year_std_error,
        weighted.prior_year_n,
        weighted.all_time_value,
        weighted.all_time_std_error,
        weighted.all_time_n,
        weighted.prior_year_weight,
        row_number() over (
            partition by {{ cell('keys') }}, weighted.parameter
            order by
                case
                    when weighted.prior_year_weight is not null then 2 * keys.distance
                    when keys.cell_level <> 'cell' and weighted.is_all_time_sufficient then 2 * keys.distance + 1
                    else 100 - keys.distance
                end
        ) as preference
    from keys
    inner join weighted
        on
            keys.cell_level = weighted.cell_level
            {% for column in cell_columns() -%}
            and keys.level_{{ column }} = weighted.{{ column }}
            {% endfor -%}
            and (
                weighted.cell_level <> 'pipeline_source'
                or weighted.parameter in ('lead_to_meeting_accepted_rate', 'days_lead_to_meeting_accepted')
            )
            and (weighted.cell_level <> 'deal_type_source' or weighted.parameter = 'lead_sourced_share')
    where weighted.all_time_value is not null
)

select
    {{ cell() }},
    parameter,
    unit,
    method,
    source_level,
    case when prior_year_weight is null then 'all_time' else 'lookback+prior_year' end as estimation_window,
    lookback_value,
    lookback_n,
    prior_year_value,
    prior_year_n,
    prior_year_weight,
    case
        when prior_year_weight is null then all_time_value
        else
            (1 - prior_year_weight) * coalesce(lookback_value, prior_year_value)
            + prior_year_weight * coalesce(prior_year_value, lookback_value)
    end as measured_value,
    case
        when prior_year_weight is null then all_time_std_error
        else sqrt(
            power((1 - prior_year_weight) * coalesce(lookback_std_error, 0), 2)
            + power(prior_year_weight * coalesce(prior_year_std_error, 0), 2)
        )
    end as std_error,
    case
        when prior_year_weight is null then all_time_n
        when prior_year_weight = 0 then lookback_n
        when prior_year_weight = 1 then prior_year_n
        else lookback_n + prior_year_n
    end as n
from candidates
where preference = 1
union all
select
    {{ cell('cells') }},
    'source_mix' as parameter,
    'share' as unit,
    'ratio_of_sums' as method,
    mix.source_level,
    mix.estimation_window,
    mix.lookback_value,
    mix.lookback_n,
    mix.prior_year_value,
    mix.prior_year_n,
    mix.prior_year_weight,
    coalesce(mix.value, 0) as measured_value,
    cast(null as {{ type_double() }}) as std_error,
    mix.n
from cells
inner join {{ ref('int_estimates__source_mix') }} as mix on {{ same_cell('cells', 'mix') }}
