{%- set double = type_double() -%}
with required as (
    select
        as_of_date,
        horizon,
        cell_level,
        coalesce(segment, '*') as segment,
        required_coverage,
        required_coverage_basis
    from {{ ref('pipeline_coverage') }}
    where cell_level in ('company', 'segment')
),

-- A territory needs what its segment needs; who sells what nobody has in the pipeline yet, what the company does.
standing as (
    select
        pipeline.*,
        coalesce(own.required_coverage, companies.required_coverage) as required_coverage,
        coalesce(own.required_coverage_basis, companies.required_coverage_basis) as required_coverage_basis,
        people.ae_count,
        people.ramped_aes,
        people.sdr_count,
        coalesce(people.quota, cast(pipeline.bookings_goal as {{ double }})) as quota_amount,
        case
            when people.ramped_aes is null then null
            when people.quota is not null then 'policy'
            when pipeline.bookings_goal is not null then 'goal'
        end as quota_basis,
        people.workable as workable_count,
        {{ ratio('people.cost', 'people.ae_count') }} as cost_per_ae,
        {{ ratio('costs.pipegen_cost', 'costs.created_count') }} as cost_per_opportunity,
        {{ ratio('costs.created_amount', 'costs.created_count') }} as amount_per_opportunity
    from {{ ref('int_capacity__pipeline') }} as pipeline
    left join required as own
        on
            pipeline.as_of_date = own.as_of_date
            and pipeline.horizon = own.horizon
            and own.cell_level = case pipeline.cell_level when 'segment_territory' then 'segment' else pipeline.cell_level end
            and pipeline.segment = own.segment
    left join required as companies
        on pipeline.as_of_date = companies.as_of_date and pipeline.horizon = companies.horizon and companies.cell_level = 'company'
    left join {{ ref('int_headcount__quarters') }} as people
        on
            pipeline.close_quarter_start = people.fiscal_quarter_start
            and pipeline.cell_level = people.cell_level
            and pipeline.segment = people.segment
            and pipeline.territory = people.territory
    -- of the four quarters that were over on that day
    left join {{ ref('int_costs__trailing') }} as costs
        on
            pipeline.quarter_index = costs.quarter_index + 1
            and costs.cell_level = case pipeline.cell_level when 'segment_territory' then 'segment' else pipeline.cell_level end
            and pipeline.segment = costs.segment
),

-- What is won already needs no pipeline any more.
needed as (
    select
        *,
        case
            when ramped_aes > 0 and quota_amount > won_to_date then required_coverage * (quota_amount - cast(won_to_date as {{ double }}))
            when ramped_aes > 0 and quota_amount is not null then 0 * required_coverage
        end as needed_amount,
        case when ramped_aes > 0 then {{ ratio('in_hand_count', 'ramped_aes') }} end as opportunities_per_ae
    from standing
),

supported as (
    select
        *,
        {{ ratio('needed_amount', 'ramped_aes') }} as needed_amount_per_ae,
        ramped_aes * {{ ratio('pipeline_amount', 'needed_amount') }} as supported_aes,
        case when needed_amount is not null then greatest(needed_amount - cast(pipeline_amount as {{ double }}), 0) end as gap_amount,
        cast(pipeline_amount as {{ double }}) < needed_amount * (1 - 1e-9) as is_short,
        in_hand_count > workable_count * (1 + 1e-9) as is_overloaded,
        -- AEs that the opportunities could feed that the cost of one AE of a quarter would buy
        {{ ratio('cost_per_ae', 'cost_per_opportunity') }} * amount_per_opportunity * {{ ratio('ramped_aes', 'needed_amount') }}
            as fed_per_ae
    from needed
),

-- The smallest whole number k for which supported + k * fed_per_ae >= AEs - k.
answered as (
    select
        *,
        case
            when is_short and is_quarter_start and horizon = 0 and fed_per_ae is not null
                then ceil((ramped_aes - supported_aes) / (1 + fed_per_ae) - 1e-9)
        end as aes_to_cut,
        case
            when needed_amount is null then 'unknown'
            when is_short and pipeline_basis = 'forecast' then 'too_little_expected'
            when is_short and is_latest and horizon > 0 then 'too_little_so_far'
            when is_short and is_overloaded then 'many_but_too_little'
            when is_short then 'too_little_pipeline'
            when is_overloaded then 'too_many_opportunities'
            else 'enough'
        end as verdict
    from supported
)

select
    as_of_date,
    close_quarter as fiscal_quarter,
    close_quarter_start as fiscal_quarter_start,
    cast(horizon as integer) as horizon,
    is_latest,
    is_quarter_start,
    cell_level,
    nullif(segment, '*') as segment,
    nullif(territory, '*') as territory,
    ae_count,
    ramped_aes,
    sdr_count,
    cast(case when quota_basis is not null then quota_amount end as decimal(28, 2)) as quota_amount,
    quota_basis,
    cast(won_to_date as decimal(28, 2)) as won_to_date,
    required_coverage,
    required_coverage_basis,
    cast(open_count as integer) as open_count,
    cast(open_amount as decimal(28, 2)) as open_amount,
    cast(pipeline_amount as decimal(28, 2)) as pipeline_amount,
    pipeline_basis,
    needed_amount_per_ae,
    {{ ratio('needed_amount_per_ae', 'open_amount') }} * open_count as needed_count_per_ae,
    supported_aes,
    cast(floor(supported_aes + 1e-9) as integer) as supported_aes_whole,
    supported_aes - ramped_aes as gap_aes,
    cast(gap_amount as decimal(28, 2)) as gap_amount,
    {{ ratio('gap_amount', 'open_amount') }} * open_count as gap_count,
    cast(in_hand_count as integer) as in_hand_count,
    opportunities_per_ae,
    workable_count,
    {{ ratio('in_hand_count * ramped_aes', 'workable_count') }} as aes_for_opportunities,
    cost_per_ae,
    cost_per_opportunity,
    cast(aes_to_cut as integer) as aes_to_cut,
    ramped_aes - aes_to_cut as aes_after_cut,
    is_short,
    is_overloaded,
    verdict
from answered
