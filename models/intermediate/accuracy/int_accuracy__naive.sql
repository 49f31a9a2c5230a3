{#-
    What rules of thumb forecast, from nothing but what is known on the as-of date. Pipeline is real
    open pipeline dated to the quarter; every rule that starts from it adds what is booked already.
-#}
{%- set rules = [
    ('bookings', 'last_year', 'last_year_booked_amount', 'true'),
    ('bookings', 'three_times', 'booked_amount + open_amount / 3.0', 'true'),
    ('bookings', 'one_over_win_rate', 'booked_amount + open_amount * win_rate', 'true'),
    ('bookings', 'crm_weighted', 'booked_amount + crm_weighted_amount', 'true'),
    ('starting_pipeline', 'last_year', 'last_year_start_amount', 'quarters_ahead > 0'),
    ('starting_pipeline', 'dated_today', 'open_amount', 'quarters_ahead > 0'),
    ('pipeline_created', 'last_year', 'last_year_created_amount', 'true'),
    ('pipeline_created', 'last_quarter', 'last_quarter_created_amount', 'true'),
] -%}
with quarters as (
    select * from {{ ref('int_accuracy__quarters') }}
),

-- Won of won and lost, in the running quarter and the four before.
win_rates as (
    select
        cell_level,
        segment,
        cast({{ ratio('sum(won_count)', 'sum(won_count + lost_count)') }} as decimal(12, 9)) as win_rate
    from quarters
    where quarters_ahead between -4 and 0
    group by cell_level, segment
),

-- The latest quarter that is over.
last_quarters as (
    select
        cell_level,
        segment,
        max(quarter_index) as quarter_index
    from quarters
    where is_over
    group by cell_level, segment
),

known as (
    select
        quarters.*,
        win_rates.win_rate,
        case when last_year.is_over then last_year.booked_amount end as last_year_booked_amount,
        case when last_year.is_over then last_year.created_amount end as last_year_created_amount,
        last_year.start_amount as last_year_start_amount,
        last_quarter.created_amount as last_quarter_created_amount
    from quarters
    left join win_rates on quarters.cell_level = win_rates.cell_level and quarters.segment = win_rates.segment
    left join quarters as last_year
        on
            quarters.cell_level = last_year.cell_level
            and quarters.segment = last_year.segment
            and quarters.quarter_index = last_year.quarter_index + 4
    left join last_quarters on quarters.cell_level = last_quarters.cell_level and quarters.segment = last_quarters.segment
    left join quarters as last_quarter
        on
            last_quarters.cell_level = last_quarter.cell_level
            and last_quarters.segment = last_quarter.segment
            and last_quarters.quarter_index = last_quarter.quarter_index
    where quarters.quarters_ahead >= 0
),

ruled as (
    {%- for target, method, forecast, condition in rules %}
    select
        '{{ target }}' as measure,
        '{{ method }}' as method,
        fiscal_quarter,
        fiscal_quarter_start,
        cell_level,
        segment,
        cast({{ forecast }} as decimal(28, 2)) as forecast
    from known
    where {{ condition }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select * from ruled
where forecast is not null
