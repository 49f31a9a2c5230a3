-- Open, qualified deals that coverage does not count on, and why: what their owners should mend.
select
    opportunities.owner_id_current,
    opportunities.pipeline_status,
    count(*) as opportunity_count,
    sum(opportunities.amount) as amount
from {{ ref('opportunities') }} as opportunities
where opportunities.pipeline_status not in ('real', 'not_pipeline')
group by opportunities.owner_id_current, opportunities.pipeline_status
order by amount desc
