select
    date_day,
    week_start,
    fiscal_month,
    fiscal_quarter,
    fiscal_quarter_start,
    next_quarter_start,
    fiscal_year,
    fiscal_year_start,
    month_number,
    quarter_number,
    quarter_index,
    day_of_quarter
from {{ ref('int_calendar') }}
