{#-
    By how much creation grows a year, in logarithms: the year's growth, of a segment drawn towards the
    company's and of the company towards none, as far as the last half year shows it too. Methods:
    docs/methods/growth.md.
-#}
{%- set prior = 'power(' ~ var('creation_growth_prior') ~ ', 2)' -%}
{%- set drift = 'power(' ~ var('creation_growth_drift') ~ ', 2)' -%}
with dispersions as (
    select
        cell_level,
        max(dispersion) as dispersion
    from {{ ref('int_seasonality__pooled') }}
    where effect = 'creation'
    group by cell_level
),

spans as (
    select
        spans.*,
        spans.variance * coalesce(dispersions.dispersion, 1) as own_variance
    from {{ ref('int_outlook__creation_spans') }} as spans
    left join dispersions on spans.cell_level = dispersions.cell_level
),

-- The half year is there to contradict; it is not drawn towards none.
companies as (
    select
        span,
        is_long_enough,
        growth * case when span = 'half' then 1 else weight end as growth,
        own_variance * case when span = 'half' then 1 else weight end as variance
    from (
        select
            *,
            {{ prior }} / ({{ prior }} + own_variance) as weight
        from spans
        where cell_level = 'company'
    ) as weighted
),

segments as (
    select
        *,
        sum(growth / own_variance) over (partition by span) / sum(1 / own_variance) over (partition by span) as mean_growth
    from spans
    where cell_level = 'segment' and is_long_enough
),

-- The variance between segments beyond chance: DerSimonian and Laird's moment estimate.
between_segments as (
    select
        span,
        greatest(
            0,
            coalesce(
                (sum(power(growth - mean_growth, 2) / own_variance) - (count(*) - 1))
                / nullif(sum(1 / own_variance) - sum(1 / power(own_variance, 2)) / sum(1 / own_variance), 0),
                0
            )
        ) as variance
    from segments
    group by span
),

weighted as (
    select
        segments.*,
        between_segments.variance / (between_segments.variance + segments.own_variance) as own_weight
    from segments
    inner join between_segments on segments.span = between_segments.span
),

drawn as (
    select
        'company' as cell_level,
        '*' as segment,
        span,
        is_long_enough,
        cast(null as {{ type_double() }}) as own_weight,
        growth,
        variance
    from companies
    union all
    select
        weighted.cell_level,
        weighted.segment,
        weighted.span,
        companies.is_long_enough,
        weighted.own_weight,
        companies.growth + weighted.own_weight * (weighted.growth - companies.growth) as growth,
        weighted.own_weight * weighted.own_variance + power(1 - weighted.own_weight, 2) * companies.variance as variance
    from weighted
    inner join companies on weighted.span = companies.span
),

compared as (
    select
        years.cell_level,
        years.segment,
        years.is_long_enough,
        years.own_weight,
        years.growth as year_growth,
        halves.growth as half_growth,
        years.variance,
        -- the smaller of the two; none where they contradict each other
        case
            when not years.is_long_enough then 0
            when years.growth > 0 then least(years.growth, greatest(halves.growth, 0))
            else greatest(years.growth, least(halves.growth, 0))
        end as growth
    from drawn as years
    inner join drawn as halves
        on years.cell_level = halves.cell_level and years.segment = halves.segment and halves.span = 'half'
    where years.span = 'year'
)

select
    cell_level,
    segment,
    is_long_enough,
    own_weight,
    case when is_long_enough then year_growth end as year_growth,
    case when is_long_enough then half_growth end as half_growth,
    growth,
    -- not known better than before anything was seen; else what lies between the two is as likely as what
    -- is used, and growth changes
    sqrt(
        case when is_long_enough then variance + power(year_growth - growth, 2) / 3 else {{ prior }} end + {{ drift }}
    ) as growth_std
from compared
