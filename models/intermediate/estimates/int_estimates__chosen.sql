-- The cells that a plan may use: those with any history, and those to which the mix of their
-- parent gives a share though they have none of their own yet.
with cells as (
    select {{ cell() }}
    from {{ ref('int_estimates__shrunk') }}
    where cell_level = 'cell'
    union
    select {{ cell() }}
    from {{ ref('int_estimates__shrunk') }}
    where parameter = 'source_mix' and cell_level = 'goal_cell' and value > 0
    union
    -- A goal cell in which nothing has qualified yet has the whole mix of its parent.
    select
        known.segment,
        known.deal_type,
        known.territory,
        sources.pipeline_source,
        sources.custom_dimension
    from {{ ref('int_estimates__shrunk') }} as known
    inner join {{ ref('int_estimates__shrunk') }} as sources
        on known.cell_level = 'cell' and sources.cell_level = 'company' and sources.parameter = 'source_mix' and sources.value > 0
    where known.segment <> '*'
),

shrunk as (
    select * from {{ ref('int_estimates__shrunk') }}
),

windowed as (
    select * from {{ ref('int_estimates__windowed') }}
),

-- Each cell as it is seen at each level of a family of parameters.
keys as (
    select
        {{ cell('cells') }},
        levels.family,
        levels.cell_level,
        {% for column in cell_columns() -%}
        case
            when cell_levels.by_{{ column }} = 1 {{ "or levels.family = 'mix'" if column in ['pipeline_source', 'custom_dimension'] }} then cells.{{ column }}
            else '*'
        end as level_{{ column }},
        {% endfor -%}
        levels.depth
    from cells
    cross join {{ ref('shrinkage_levels') }} as levels
    inner join {{ ref('cell_levels') }} as cell_levels on levels.cell_level = cell_levels.cell_level
),

-- The deepest level that was measured speaks for the cell; what it is worth is already in it.
candidates as (
    select
        {{ cell('keys') }},
        shrunk.family,
        shrunk.parameter,
        shrunk.month_number,
        shrunk.shrinkage,
        shrunk.cell_level,
        {% for column in cell_columns() -%}
        keys.level_{{ column }},
        {% endfor -%}
        shrunk.parent_level,
        shrunk.own_value,
        shrunk.own_n,
        shrunk.own_weight,
        shrunk.value,
        shrunk.parent_value,
        shrunk.lower,
        shrunk.upper,
        row_number() over (
            partition by {{ cell('keys') }}, shrunk.parameter, shrunk.month_number
            order by shrunk.depth desc
        ) as preference
    from keys
    inner join shrunk
        on
            keys.family = shrunk.family
            and keys.cell_level = shrunk.cell_level
            {% for column in cell_columns() -%}
            and keys.level_{{ column }} = shrunk.{{ column }}
            {% endfor %}
)

select
    {{ cell('candidates') }},
    candidates.parameter,
    candidates.month_number,
    windowed.unit,
    windowed.method,
    candidates.shrinkage,
    windowed.estimation_window,
    candidates.cell_level as measured_level,
    -- the company has nothing above it
    coalesce(candidates.parent_level, candidates.cell_level) as source_level,
    windowed.lookback_value,
    windowed.lookback_n,
    windowed.prior_year_value,
    windowed.prior_year_n,
    windowed.prior_year_weight,
    candidates.own_value,
    candidates.own_n,
    candidates.own_weight,
    candidates.parent_value,
    candidates.value as measured_value,
    candidates.lower,
    candidates.upper
from candidates
inner join windowed
    on
        candidates.parameter = windowed.parameter
        and candidates.month_number is not distinct from windowed.month_number
        and candidates.cell_level = windowed.cell_level
        {% for column in cell_columns() -%}
        and candidates.level_{{ column }} = windowed.{{ column }}
        {% endfor %}
where candidates.preference = 1
