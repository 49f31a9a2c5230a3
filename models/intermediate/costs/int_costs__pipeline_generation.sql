-- What each source created for each segment in a quarter, and what that cost: what was spent, where
-- every month of the quarter is in the books, else finance's standard cost of what was created.
with created as (
    select
        calendar.fiscal_quarter_start,
        attributes.pipeline_source,
        attributes.segment,
        count(*) as created_count,
        sum(qualified.created_amount) as created_amount,
        sum({{ standard_cost() }}) as standard_cost,
        count({{ standard_cost() }}) as standard_count
    from {{ ref('int_opportunities__qualified') }} as qualified
    inner join {{ ref('int_opportunities__attributed') }} as attributes on qualified.opportunity_key = attributes.opportunity_key
    inner join {{ ref('int_calendar') }} as calendar on cast(qualified.qualified_at as date) = calendar.date_day
    {{ join_source_costs('attributes', 'calendar.date_day') }}
    group by calendar.fiscal_quarter_start, attributes.pipeline_source, attributes.segment
),

booked as (
    select
        calendar.fiscal_quarter_start,
        {{ 'costs.pipeline_source' if 'pipeline_source' in var('plan_dimensions') else "'all'" }} as pipeline_source,
        {{ 'costs.segment' if 'segment' in var('plan_dimensions') else "'all'" }} as segment,
        costs.fiscal_month,
        costs.amount
    from {{ ref('costs') }} as costs
    inner join {{ ref('int_calendar') }} as calendar on costs.fiscal_month = calendar.date_day
    where costs.category = 'pipeline_generation'
),

complete as (
    select
        fiscal_quarter_start,
        pipeline_source,
        sum(case when segment is null then amount else 0 end) as shared_amount
    from booked
    group by fiscal_quarter_start, pipeline_source
    having count(distinct fiscal_month) = 3
),

-- What no segment is named for is shared by what the source created for each; where it created
-- nothing, by what all sources did; and where nothing was created at all it is nobody's.
shares_of_source as (
    select
        fiscal_quarter_start,
        pipeline_source,
        segment,
        {{ ratio('created_count', 'sum(created_count) over (partition by fiscal_quarter_start, pipeline_source)') }} as share
    from created
),

shares_of_all as (
    select
        fiscal_quarter_start,
        segment,
        {{ ratio('sum(created_count)', 'sum(sum(created_count)) over (partition by fiscal_quarter_start)') }} as share
    from created
    group by fiscal_quarter_start, segment
),

spent as (
    select
        complete.fiscal_quarter_start,
        complete.pipeline_source,
        coalesce(shares_of_source.segment, shares_of_all.segment, 'unallocated') as segment,
        cast(complete.shared_amount as {{ type_double() }}) * coalesce(shares_of_source.share, shares_of_all.share, 1) as amount
    from complete
    left join shares_of_source
        on
            complete.fiscal_quarter_start = shares_of_source.fiscal_quarter_start
            and complete.pipeline_source = shares_of_source.pipeline_source
    left join shares_of_all
        on complete.fiscal_quarter_start = shares_of_all.fiscal_quarter_start and shares_of_source.segment is null
    union all
    select
        booked.fiscal_quarter_start,
        booked.pipeline_source,
        booked.segment,
        cast(booked.amount as {{ type_double() }}) as amount
    from booked
    inner join complete
        on booked.fiscal_quarter_start = complete.fiscal_quarter_start and booked.pipeline_source = complete.pipeline_source
    where booked.segment is not null
),

spending as (
    select
        fiscal_quarter_start,
        pipeline_source,
        segment,
        sum(amount) as spending
    from spent
    group by fiscal_quarter_start, pipeline_source, segment
),

joined as (
    select
        coalesce(created.fiscal_quarter_start, spending.fiscal_quarter_start) as fiscal_quarter_start,
        coalesce(created.pipeline_source, spending.pipeline_source) as pipeline_source,
        coalesce(created.segment, spending.segment) as segment,
        cast(coalesce(created.created_count, 0) as integer) as created_count,
        coalesce(created.created_amount, 0) as created_amount,
        spending.spending,
        case when created.standard_count = created.created_count then cast(created.standard_cost as {{ type_double() }}) end as standard_cost
    from created
    full outer join spending
        on
            created.fiscal_quarter_start = spending.fiscal_quarter_start
            and created.pipeline_source = spending.pipeline_source
            and created.segment = spending.segment
)

select
    joined.fiscal_quarter_start,
    joined.pipeline_source,
    joined.segment,
    joined.created_count,
    joined.created_amount,
    -- a source whose books are complete has spent nothing on a segment without a row
    case when complete.pipeline_source is not null then coalesce(joined.spending, 0) end as spending,
    joined.standard_cost,
    case when complete.pipeline_source is not null then coalesce(joined.spending, 0) else joined.standard_cost end as cost
from joined
left join complete
    on joined.fiscal_quarter_start = complete.fiscal_quarter_start and joined.pipeline_source = complete.pipeline_source
