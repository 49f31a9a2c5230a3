with as_of as (
    select as_of_date from {{ ref('int_as_of') }}
),

triangles as (
    select * from {{ ref('int_maturation__triangles') }}
),

factors as (
    select * from {{ ref('int_maturation__factors') }}
),

ultimates as (
    select * from {{ ref('int_maturation__ultimates') }}
)

select
    triangles.cell_level,
    {{ published_cell('triangles') }},
    triangles.measure,
    triangles.cohort_quarter,
    triangles.age_quarters,
    ultimates.cohort_quarter is not null as is_latest,
    triangles.exposure,
    triangles.cumulative,
    {{ ratio('triangles.cumulative', 'triangles.exposure') }} as rate_to_date,
    factors.link_ratio,
    factors.developed_share,
    -- Only where the cohort stands now, so that nobody adds up a number that is repeated.
    ultimates.ultimate_chain_ladder,
    ultimates.ultimate_bf,
    ultimates.ultimate_cape_cod,
    ultimates.ultimate_benktander,
    ultimates.mack_std_error,
    ultimates.total_mack_std_error,
    triangles.prior_rate,
    factors.cape_cod_rate,
    as_of.as_of_date
from triangles
cross join as_of
inner join factors
    on
        triangles.cell_level = factors.cell_level
        and {{ same_cell('triangles', 'factors') }}
        and triangles.measure = factors.measure
        and triangles.age_quarters = factors.age_quarters
left join ultimates
    on
        triangles.cell_level = ultimates.cell_level
        and {{ same_cell('triangles', 'ultimates') }}
        and triangles.measure = ultimates.measure
        and triangles.cohort_quarter = ultimates.cohort_quarter
        and triangles.age_quarters = ultimates.age_quarters
