-- The pipeline of every snapshot as somebody would write it who thinks in rows: for every opportunity and
-- every day the state that stood at its end, added up; then the days that were asked for.
with daily as (
    select
        days.date_day,
        attributes.cell_key,
        closing.fiscal_quarter_start as close_quarter_start,
        versions.stage_number,
        coalesce(versions.amount, 0) as amount,
        coalesce(
            versions.amount > 0 and versions.close_date >= days.date_day
            and closing.quarter_index - days.quarter_index <= 8, false
        ) as is_real
    from intermediate.int_opportunities__versioned as versions
    inner join intermediate.int_opportunities__attributed as attributes on versions.opportunity_key = attributes.opportunity_key
    inner join intermediate.int_calendar as days
        on
            cast(versions.valid_from as date) <= days.date_day
            and coalesce(cast(versions.valid_to as date), date '2999-12-31') > days.date_day
    left join intermediate.int_calendar as closing on versions.close_date = closing.date_day
    where
        versions.stage_number >= 2 and versions.stage_number < 90
        and days.date_day <= (select as_of_date from intermediate.int_as_of)
),

summed as (
    select
        date_day,
        cell_key,
        close_quarter_start,
        stage_number,
        count(*) as open_count_raw,
        sum(amount) as open_amount_raw,
        sum(case when is_real then 1 else 0 end) as open_count_real,
        sum(case when is_real then amount else 0 end) as open_amount_real
    from daily
    group by all
)

select
    summed.date_day as snapshot_day,
    summed.* exclude (date_day)
from summed
inner join intermediate.int_snapshots__days as days on summed.date_day = days.snapshot_day
