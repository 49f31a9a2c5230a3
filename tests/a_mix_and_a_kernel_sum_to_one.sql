-- The shares of a goal cell add up to one, and so do the months of a kernel. Where somebody has
-- overruled a share, the plan has to make up for it, not this test.
select
    'source_mix' as parameter,
    segment,
    deal_type,
    territory,
    '*' as pipeline_source,
    '*' as custom_dimension,
    sum(value) as share
from {{ ref('assumptions') }}
where parameter = 'source_mix'
group by segment, deal_type, territory
having count(override_value) = 0 and abs(sum(value) - 1) > 0.000001

union all

select
    parameter,
    {{ cell() }},
    sum(value) as share
from {{ ref('assumptions') }}
where parameter like 'kernel%'
group by parameter, {{ cell() }}
having abs(sum(value) - 1) > 0.000001
