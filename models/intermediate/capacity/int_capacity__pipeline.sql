-- The pipeline that the people of a quarter have to live on: on the first day of each quarter that has
-- begun, and on the as-of date that of the current quarter and, as far as it is expected, of the next two.
with quarters as (
    select
        as_of_date,
        horizon,
        is_latest,
        is_quarter_start,
        quarter_index,
        close_quarter,
        close_quarter_start
    from {{ ref('int_coverage__quarters') }}
    where is_latest or (is_quarter_start and horizon = 0)
),

-- Coverage has no level of segment and territory: its parts are added up.
coverage as (
    select
        as_of_date,
        horizon,
        case cell_level when 'goal_cell' then 'segment_territory' else cell_level end as cell_level,
        segment,
        territory,
        sum(open_count_real) as open_count,
        sum(open_amount_real) as open_amount,
        sum(won_to_date) as won_to_date,
        sum(bookings_goal) as bookings_goal
    from {{ ref('int_coverage__levels') }}
    where cell_level in ('company', 'segment', 'goal_cell')
    group by 1, 2, 3, 4, 5
),

-- What a quarter that has not begun will start with.
starting as (
    select
        snapshot_day as as_of_date,
        horizon,
        case cell_level when 'goal_cell' then 'segment_territory' else cell_level end as cell_level,
        segment,
        territory,
        sum(forecast_amount) as forecast_amount
    from {{ ref('int_starting__forecasts') }}
    where cell_level in ('company', 'segment', 'goal_cell')
    group by 1, 2, 3, 4, 5
),

-- Also people for whom there is no pipeline at all.
cells as (
    select
        as_of_date,
        horizon,
        cell_level,
        segment,
        territory
    from coverage
    union
    select
        starting.as_of_date,
        starting.horizon,
        starting.cell_level,
        starting.segment,
        starting.territory
    from starting
    inner join quarters on starting.as_of_date = quarters.as_of_date and starting.horizon = quarters.horizon
    union
    select
        quarters.as_of_date,
        quarters.horizon,
        people.cell_level,
        people.segment,
        people.territory
    from {{ ref('int_headcount__quarters') }} as people
    inner join quarters on people.fiscal_quarter_start = quarters.close_quarter_start
),

standing as (
    select
        pipeline.snapshot_day,
        cells.segment,
        cells.territory,
        sum(pipeline.open_count_real) as open_count
    from {{ ref('int_snapshots__pipeline') }} as pipeline
    inner join {{ ref('int_cells') }} as cells on pipeline.cell_key = cells.cell_key
    where pipeline.snapshot_day in (select quarters.as_of_date from quarters)
    group by pipeline.snapshot_day, cells.segment, cells.territory
),

-- Everything in hand, whatever quarter it is dated to.
in_hand as (
    {%- for level, segment, territory in [('segment_territory', 'segment', 'territory'), ('segment', 'segment', "'*'"), ('company', "'*'", "'*'")] %}
    select
        snapshot_day,
        '{{ level }}' as cell_level,
        {{ segment }} as segment,
        {{ territory }} as territory,
        sum(open_count) as open_count
    from standing
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    quarters.as_of_date,
    quarters.close_quarter,
    quarters.close_quarter_start,
    quarters.quarter_index,
    quarters.horizon,
    quarters.is_latest,
    quarters.is_quarter_start,
    cells.cell_level,
    cells.segment,
    cells.territory,
    coalesce(own.open_count, 0) as open_count,
    coalesce(own.open_amount, 0) as open_amount,
    coalesce(starting.forecast_amount, own.open_amount, 0) as pipeline_amount,
    case when starting.forecast_amount is not null then 'forecast' else 'open' end as pipeline_basis,
    coalesce(own.won_to_date, 0) as won_to_date,
    own.bookings_goal,
    coalesce(in_hand.open_count, 0) as in_hand_count
from cells
inner join quarters on cells.as_of_date = quarters.as_of_date and cells.horizon = quarters.horizon
left join coverage as own
    on
        cells.as_of_date = own.as_of_date
        and cells.horizon = own.horizon
        and cells.cell_level = own.cell_level
        and cells.segment = own.segment
        and cells.territory = own.territory
left join starting
    on
        cells.as_of_date = starting.as_of_date
        and cells.horizon = starting.horizon
        and cells.cell_level = starting.cell_level
        and cells.segment = starting.segment
        and cells.territory = starting.territory
left join in_hand
    on
        cells.as_of_date = in_hand.snapshot_day
        and cells.cell_level = in_hand.cell_level
        and cells.segment = in_hand.segment
        and cells.territory = in_hand.territory
