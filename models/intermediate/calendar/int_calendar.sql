{%- set first_month = var('fiscal_year_start_month') | int -%}
with numbers as (
    {{ dbt.generate_series(calendar_length()) }}
),

days as (
    select cast({{ dbt.dateadd('day', 'generated_number - 1', calendar_first_day()) }} as date) as date_day
    from numbers
),

parts as (
    select
        date_day,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as fiscal_month,
        cast({{ dbt.date_trunc('week', 'date_day') }} as date) as calendar_week,
        cast(extract(year from date_day) as integer) as calendar_year,
        -- 0 for the fiscal year's first month to 11 for its last
        cast(mod(cast(extract(month from date_day) as integer) + 12 - {{ first_month }}, 12) as integer) as month_index
    from days
),

quarters as (
    select
        *,
        calendar_year
        + case
            when {{ first_month }} > 1 and extract(month from date_day) >= {{ first_month }} then 1
            else 0
        end as fiscal_year,
        cast(floor(month_index / 3.0) as integer) + 1 as quarter_number,
        cast({{ dbt.dateadd('month', '-mod(month_index, 3)', 'fiscal_month') }} as date) as fiscal_quarter_start,
        cast({{ dbt.dateadd('month', '-month_index', 'fiscal_month') }} as date) as fiscal_year_start
    from parts
)

select
    date_day,
    fiscal_month,
    fiscal_quarter_start,
    cast({{ dbt.dateadd('month', 3, 'fiscal_quarter_start') }} as date) as next_quarter_start,
    fiscal_year_start,
    cast(fiscal_year as integer) as fiscal_year,
    quarter_number,
    month_index + 1 as month_number,
    'FY' || cast(fiscal_year as {{ dbt.type_string() }}) || '-Q' || cast(quarter_number as {{ dbt.type_string() }}) as fiscal_quarter,
    -- A week that straddles two quarters is two rows, so that weeks sum to quarters.
    greatest(calendar_week, fiscal_quarter_start) as week_start,
    cast(                {{ dbt.datediff('fiscal_quarter_start', 'date_day', 'day') }} as integer
    )
    + 1 as day_of_quarter,
    -- Quarters counted from an arbitrary origin: differences between them are what matters.
    cast(fiscal_year * 4 + quarter_number as integer) as quarter_index
from quarters
