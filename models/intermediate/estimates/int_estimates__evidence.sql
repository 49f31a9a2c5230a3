-- What each level of a parameter says by itself, on the scale on which it is shrunk (shares as they
-- are, everything else as a logarithm), with how many observations it is worth and who its parent is.
with levels as (
    select
        levels.family,
        levels.cell_level,
        levels.depth,
        {% for column in cell_columns() -%}
        -- the parts of a mix are divided at every level
        case when levels.family = 'mix' and '{{ column }}' in ('pipeline_source', 'custom_dimension') then 1 else parent_cells.by_{{ column }} end
            as by_{{ column }},
        {% endfor -%}
        parents.cell_level as parent_level
    from {{ ref('shrinkage_levels') }} as levels
    left join {{ ref('shrinkage_levels') }} as parents
        on levels.family = parents.family and levels.depth = parents.depth + 1
    left join {{ ref('cell_levels') }} as parent_cells on parents.cell_level = parent_cells.cell_level
),

windowed as (
    select * from {{ ref('int_estimates__windowed') }}
    where value is not null and (shrinkage <> 'log_normal' or value > 0)
)

select
    windowed.family,
    windowed.parameter,
    windowed.month_number,
    windowed.shrinkage,
    windowed.cell_level,
    {{ cell('windowed') }},
    levels.depth,
    levels.parent_level,
    {{ cell_at_level('windowed', levels='levels', prefix='parent_') }},
    windowed.value as own_value,
    windowed.std_error as own_std_error,
    windowed.n as own_n,
    case when windowed.shrinkage = 'log_normal' then ln(windowed.value) else windowed.value end as scaled_value,
    -- A rate that was watched for part of the time is worth as many observations as a share with the
    -- same variance; of a rate of none or all, those that ended.
    case
        when windowed.shrinkage <> 'beta_binomial' then windowed.n_worth
        when windowed.std_error > 0 and windowed.value > 0 and windowed.value < 1
            then windowed.value * (1 - windowed.value) / power(windowed.std_error, 2)
        else cast(windowed.n_ended as {{ type_double() }})
    end as effective_n,
    -- the squared coefficient of variation of one observation
    case
        when windowed.shrinkage = 'log_normal' and windowed.n > 1 then windowed.n_worth * power(windowed.std_error / windowed.value, 2)
    end as relative_variance
from windowed
inner join levels on windowed.family = levels.family and windowed.cell_level = levels.cell_level
