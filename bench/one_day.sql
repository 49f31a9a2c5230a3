-- One day in the CRM: one opportunity in a thousand changes its amount and close date, and one lead in a
-- thousand its status. A tenth of the changes was made a week ago and is loaded only now.
create or replace temp table the_day as
select cast(max(_fivetran_synced) as date) + interval 1 day as loaded_at
from salesforce.opportunity;

create or replace temp table changed as
select
    opportunity.id,
    the_day.loaded_at,
    opportunity.amount * 1.1 as amount,
    opportunity.close_date + 7 as close_date,
    the_day.loaded_at - case when hash(opportunity.id) % 10000 < 1 then interval 7 days else interval 1 hour end as changed_at
from salesforce.opportunity
cross join the_day
where hash(opportunity.id) % 1000 = 0;

insert into salesforce.opportunity_history by name
select
    'day' || changed.id as id,
    changed.id as opportunity_id,
    opportunity.stage_name,
    changed.amount,
    changed.close_date,
    changed.changed_at as created_date,
    false as is_deleted,
    changed.loaded_at as _fivetran_synced
from changed
inner join salesforce.opportunity using (id);

update salesforce.opportunity
set
    amount = changed.amount,
    close_date = changed.close_date,
    last_modified_date = changed.changed_at,
    _fivetran_synced = changed.loaded_at
from changed
where opportunity.id = changed.id;

update salesforce.lead
set
    status = 'Working',
    last_modified_date = the_day.loaded_at,
    _fivetran_synced = the_day.loaded_at
from the_day
where hash(lead.id) % 1000 = 0;
