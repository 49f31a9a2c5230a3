{#- The last days, and as many before them. -#}
{%- set days = var('data_quality_trend_days') -%}
with dated as (
    select
        *,
        {{ dbt.datediff('entered_on', 'as_of_date', 'day') }} as days_ago
    from {{ ref('data_quality') }}
)

select
    crm,
    rule,
    handling,
    cast(sum(row_count) as bigint) as row_count,
    cast(sum(amount_affected) as decimal(28, 2)) as amount_affected,
    cast(sum(case when days_ago < {{ days }} then row_count else 0 end) as bigint) as recent_row_count,
    cast(sum(case when days_ago >= {{ days }} and days_ago < 2 * {{ days }} then row_count else 0 end) as bigint)
        as previous_row_count,
    min(entered_on) as first_entered_on,
    max(entered_on) as last_entered_on,
    as_of_date
from dated
group by crm, rule, handling, as_of_date
