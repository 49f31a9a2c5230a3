{%- set first_day = "cast('1900-01-01' as date)" -%}
{%- set last_day = "cast('2999-12-31' as date)" -%}
-- Who is there to sell in each quarter, and what they can carry: means of the people at work on the
-- first day of each of its months, those who are still ramping up as the part that they can do.
with months as (
    select distinct
        calendar.fiscal_month,
        calendar.fiscal_quarter_start
    from {{ ref('int_calendar') }} as calendar
    inner join {{ ref('int_coverage__quarters') }} as quarters
        on calendar.fiscal_quarter_start = quarters.close_quarter_start
),

ramp as (
    select
        role,
        segment,
        from_month,
        productivity,
        coalesce(lead(from_month) over (partition by role, segment order by from_month), 999999) as until_month
    from {{ ref('ramp') }}
),

at_work as (
    select
        months.fiscal_quarter_start,
        months.fiscal_month,
        headcount.role,
        headcount.segment,
        headcount.territory,
        headcount.headcount,
        {{ dbt.datediff('headcount.hired_on', 'months.fiscal_month', 'month') }} as tenure_months
    from months
    inner join {{ ref('headcount') }} as headcount
        on
            months.fiscal_month >= coalesce(headcount.hired_on, {{ first_day }})
            and months.fiscal_month < coalesce(headcount.left_on, {{ last_day }})
),

able as (
    select
        at_work.*,
        case
            when at_work.tenure_months is null then at_work.headcount
            else at_work.headcount * coalesce(of_segment.productivity, of_all.productivity, 1)
        end as ramped
    from at_work
    left join ramp as of_segment
        on
            at_work.role = of_segment.role
            and at_work.segment = of_segment.segment
            and at_work.tenure_months >= of_segment.from_month
            and at_work.tenure_months < of_segment.until_month
    left join ramp as of_all
        on
            at_work.role = of_all.role
            and of_all.segment is null
            and at_work.tenure_months >= of_all.from_month
            and at_work.tenure_months < of_all.until_month
),

-- What an AE of the segment carries and costs, the segment's own row before the one for all.
carrying as (
    select
        able.fiscal_quarter_start,
        able.role,
        {% for dimension in ['segment', 'territory'] -%}
        {{ 'able.' ~ dimension if dimension in var('plan_dimensions') else "'all'" }} as {{ dimension }},
        {% endfor -%}
        able.headcount,
        able.ramped,
        able.ramped * coalesce(of_segment.quarterly_quota, of_all.quarterly_quota) / 3 as quota,
        able.ramped * coalesce(of_segment.opportunities_per_ae, of_all.opportunities_per_ae) as workable,
        able.headcount * coalesce(of_segment.annual_cost, of_all.annual_cost) / 4 as cost
    from able
    left join {{ ref('ae_policy') }} as of_segment
        on
            able.segment = of_segment.segment
            and able.fiscal_month >= coalesce(of_segment.valid_from, {{ first_day }})
            and able.fiscal_month < coalesce(of_segment.valid_to, {{ last_day }})
    left join {{ ref('ae_policy') }} as of_all
        on
            of_all.segment is null
            and able.fiscal_month >= coalesce(of_all.valid_from, {{ first_day }})
            and able.fiscal_month < coalesce(of_all.valid_to, {{ last_day }})
),

-- Who has no segment counts for the company alone, who has no territory for the segment.
levelled as (
    select
        'company' as cell_level,
        '*' as level_segment,
        '*' as level_territory,
        carrying.*
    from carrying
    union all
    select
        'segment' as cell_level,
        carrying.segment as level_segment,
        '*' as level_territory,
        carrying.*
    from carrying
    where carrying.segment is not null
    union all
    select
        'segment_territory' as cell_level,
        carrying.segment as level_segment,
        carrying.territory as level_territory,
        carrying.*
    from carrying
    where carrying.segment is not null and carrying.territory is not null
)

select
    fiscal_quarter_start,
    cell_level,
    level_segment as segment,
    level_territory as territory,
    {{ ratio("sum(case when role = 'ae' then headcount else 0 end)", 3) }} as ae_count,
    {{ ratio("sum(case when role = 'ae' then ramped else 0 end)", 3) }} as ramped_aes,
    {% for measure, months in {'quota': 1, 'workable': 3, 'cost': 3}.items() -%}
    -- what is known of some AEs only is not known
    case
        when count(case when role = 'ae' and {{ measure }} is null then 1 end) = 0
            then {{ ratio("sum(case when role = 'ae' then " ~ measure ~ " end)", months) }}
    end as {{ measure }},
    {% endfor -%}
    {{ ratio("sum(case when role = 'sdr' then headcount else 0 end)", 3) }} as sdr_count
from levelled
group by fiscal_quarter_start, cell_level, level_segment, level_territory
