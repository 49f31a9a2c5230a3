-- The approved plan that marts with one target per row compare with: the latest vintage.
select plan_version
from {{ ref('plan_versions') }}
order by as_of_date desc, plan_version desc
limit 1
