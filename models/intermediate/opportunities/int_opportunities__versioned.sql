{{ config(materialized='incremental', incremental_strategy='by_fingerprint', unique_key='opportunity_key', on_schema_change='sync_all_columns') }}
{#- The one sort of the history: everything that depends on order is computed in it. -#}
{%- set history = 'partition by opportunity_key order by is_current, changed_at, change_id' -%}

with states as (
    select
        states.*,
        {{ fingerprint('states', also=[var('won_stage')]) }} as fingerprint
    from {{ ref('int_opportunities__states') }} as states
),

sequenced as (
    select
        opportunity_key,
        fingerprint,
        is_current,
        is_recorded,
        cast(stage_number as smallint) as stage_number,
        amount,
        close_date,
        greatest(changed_at, coalesce(lag(changed_at) over ({{ history }}), changed_at)) as valid_from,
        case
            when lead(changed_at) over ({{ history }}) < changed_at then changed_at
            else lead(changed_at) over ({{ history }})
        end as valid_to,
        -- append-mode loaders deliver a row again and again
        coalesce(change_id = lag(change_id) over ({{ history }}), false) as is_duplicate,
        lag(stage_number) over ({{ history }}) as previous_stage_number,
        lag(amount) over ({{ history }}) as previous_amount,
        lag(close_date) over ({{ history }}) as previous_close_date,
        max(case when stage_number <= {{ var('won_stage') }} then stage_number else -1 end)
            over ({{ history }} rows between unbounded preceding and 1 preceding) as highest_stage_before
    from {{ only_changed('states', 'opportunity_key') }}
)

select
    opportunity_key,
    valid_from,
    valid_to,
    is_current,
    is_recorded,
    is_duplicate,
    stage_number,
    amount,
    close_date,
    cast(previous_stage_number as smallint) as previous_stage_number,
    cast(highest_stage_before as smallint) as highest_stage_before,
    (
        previous_stage_number is null
        or stage_number <> previous_stage_number
        or (amount is distinct from previous_amount)
        or (close_date is distinct from previous_close_date)
    ) as is_change,
    previous_amount,
    previous_close_date,
    fingerprint
from sequenced
