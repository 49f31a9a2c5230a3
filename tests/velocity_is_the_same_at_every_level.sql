{#- Whatever adds up gives the company's figure at each level, in every period. -#}
{%- set sums = [
    'open_count', 'created_count', 'won_count', 'lost_count', 'derailed_count', 'won_amount', 'lost_amount', 'lost_opportunity_days',
] -%}
with sums as (
    select
        period,
        cell_level,
        {% for column in sums -%}
        sum({{ column }}) as {{ column }},
        {% endfor -%}
        count(*) as row_count
    from {{ ref('sales_velocity') }}
    group by period, cell_level
),

company as (
    select * from sums
    where cell_level = 'company'
)

select
    company.period,
    levels.cell_level,
    company.open_count as company_open_count,
    sums.open_count,
    company.won_amount as company_won_amount,
    sums.won_amount
from company
cross join {{ ref('cell_levels') }} as levels
left join sums on company.period = sums.period and levels.cell_level = sums.cell_level
where
    levels.is_published = 1
    and (
        sums.row_count is null
        {% for column in sums -%}
        or sums.{{ column }} <> company.{{ column }}
        {% endfor %}
    )
