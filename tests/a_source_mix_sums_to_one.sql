-- The shares of a goal cell add up to one, as measured and as published for the plan. Where
-- somebody has overruled a share, the plan has to make up for it, not this test.
select
    'int_estimates__source_mix' as published_in,
    segment,
    deal_type,
    territory,
    sum(value) as share
from {{ ref('int_estimates__source_mix') }}
group by segment, deal_type, territory
having abs(sum(value) - 1) > 0.000001

union all

select
    'assumptions' as published_in,
    segment,
    deal_type,
    territory,
    sum(value) as share
from {{ ref('assumptions') }}
where parameter = 'source_mix'
group by segment, deal_type, territory
having count(override_value) = 0 and abs(sum(value) - 1) > 0.000001
