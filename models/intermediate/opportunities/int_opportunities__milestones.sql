-- Each stage is reached once, when an opportunity first stands at it or beyond.
with stage_numbers as (
    select stage_number
    from {{ ref('int_stage_map') }}
    where stage_number <= {{ var('won_stage') }}
    -- The steps that are planned by count whether or not a CRM has a stage for each.
    {% for stage in [0, 1, var('qualifying_stage')] -%}
    union
    select cast({{ stage }} as smallint) as stage_number
    {% endfor -%}
),

-- The few moments at which an opportunity stood higher than ever before.
advances as (
    select
        opportunity_key,
        valid_from,
        stage_number,
        coalesce(highest_stage_before, -1) as highest_stage_before
    from {{ ref('int_opportunities__versioned') }}
    where stage_number <= {{ var('won_stage') }} and stage_number > coalesce(highest_stage_before, -1)
)

select
    advances.opportunity_key,
    stage_numbers.stage_number,
    advances.valid_from as reached_at,
    stage_numbers.stage_number < advances.stage_number as is_imputed
from advances
inner join stage_numbers
    on
        advances.highest_stage_before < stage_numbers.stage_number
        and advances.stage_number >= stage_numbers.stage_number
