-- The sources of a segment, and of all segments, are all there is.
select
    period,
    segment,
    sum(share_of_count) as share_of_count,
    sum(share_of_amount) as share_of_amount
from {{ ref('source_efficiency') }}
group by period, segment
having abs(sum(share_of_count) - 1) > 1e-9 or abs(sum(share_of_amount) - 1) > 1e-9
