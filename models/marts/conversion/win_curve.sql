select
    curves.cell_level,
    {{ published_cell('curves') }},
    curves.age_days,
    cast(curves.at_risk_count as integer) as n_at_risk,
    cast(curves.advanced_count as integer) as won_count,
    cast(curves.lost_count as integer) as lost_count,
    cast(curves.derailed_count as integer) as derailed_count,
    curves.cumulative_incidence as cif_won,
    curves.cumulative_lost as cif_lost,
    curves.cumulative_derailed as cif_derailed,
    curves.std_error,
    {{ share_bound('curves.cumulative_incidence', 'curves.std_error', 'lower') }} as lower,
    {{ share_bound('curves.cumulative_incidence', 'curves.std_error', 'upper') }} as upper,
    as_of.as_of_date
from {{ ref('int_estimates__curves') }} as curves
cross join {{ ref('int_as_of') }} as as_of
where
    curves.estimation_window = 'all_time'
    and curves.from_stage = {{ var('qualifying_stage') }}
    and curves.to_stage = {{ var('won_stage') }}
