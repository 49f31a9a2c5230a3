with costed as (
    select
        entries.period,
        entries.segment,
        entries.pipeline_source,
        entries.created_amount,
        entries.is_known,
        {{ standard_cost() }} as cost
    from {{ ref('int_amounts__entries') }} as entries
    {{ join_source_costs('entries', 'entries.qualified_on') }}
),

created as (
    select
        period,
        segment,
        pipeline_source,
        count(*) as created_count,
        sum(is_known) as known_count,
        sum(created_amount) as created_amount,
        sum(power(cast(created_amount as {{ type_double() }}), 2)) as created_amount_squared,
        sum(coalesce(cost, 0)) as cost,
        count(cost) as costed_count
    from costed
    group by period, segment, pipeline_source
),

won as (
    select
        period,
        segment,
        pipeline_source,
        count(*) as won_count,
        sum(is_known) as won_known_count,
        sum(won_amount) as bookings,
        sum(power(cast(won_amount as {{ type_double() }}), 2)) as bookings_squared
    from {{ ref('int_amounts__wins') }}
    group by period, segment, pipeline_source
),

by_source as (
    select
        coalesce(created.period, won.period) as period,
        coalesce(created.segment, won.segment) as segment,
        coalesce(created.pipeline_source, won.pipeline_source) as pipeline_source,
        coalesce(created.created_count, 0) as created_count,
        coalesce(created.known_count, 0) as known_count,
        coalesce(created.created_amount, 0) as created_amount,
        coalesce(created.created_amount_squared, 0) as created_amount_squared,
        coalesce(created.cost, 0) as cost,
        coalesce(created.costed_count, 0) as costed_count,
        coalesce(won.won_count, 0) as won_count,
        coalesce(won.won_known_count, 0) as won_known_count,
        coalesce(won.bookings, 0) as bookings,
        coalesce(won.bookings_squared, 0) as bookings_squared
    from created
    full outer join won
        on created.period = won.period and created.segment = won.segment and created.pipeline_source = won.pipeline_source
),

-- Each source within each segment, and over all of them; and the segments and the whole as such.
levels as (
    select
        1 as by_segment,
        1 as by_pipeline_source
    union all
    select
        1 as by_segment,
        0 as by_pipeline_source
    union all
    select
        0 as by_segment,
        1 as by_pipeline_source
    union all
    select
        0 as by_segment,
        0 as by_pipeline_source
),

levelled as (
    select
        by_source.period,
        case when levels.by_segment = 1 then by_source.segment else '*' end as segment,
        case when levels.by_pipeline_source = 1 then by_source.pipeline_source else '*' end as pipeline_source,
        by_source.created_count,
        by_source.known_count,
        by_source.created_amount,
        by_source.created_amount_squared,
        by_source.cost,
        by_source.costed_count,
        by_source.won_count,
        by_source.won_known_count,
        by_source.bookings,
        by_source.bookings_squared
    from by_source
    cross join levels
)

select
    period,
    segment,
    pipeline_source,
    cast(sum(created_count) as integer) as created_count,
    cast(sum(known_count) as integer) as known_count,
    sum(created_amount) as created_amount,
    sum(created_amount_squared) as created_amount_squared,
    sum(cost) as cost,
    cast(sum(costed_count) as integer) as costed_count,
    cast(sum(won_count) as integer) as won_count,
    cast(sum(won_known_count) as integer) as won_known_count,
    sum(bookings) as bookings,
    sum(bookings_squared) as bookings_squared,
    {{ ratio('sum(created_amount)', 'sum(known_count)') }} as amount_at_qualification,
    {{ ratio('sum(bookings)', 'sum(won_known_count)') }} as won_amount
from levelled
group by period, segment, pipeline_source
