{{ config(severity='warn') }}
-- An override past its last day no longer speaks; whoever set it should take it out or renew it.
select
    overrides.parameter,
    {{ cell('overrides') }},
    overrides.value,
    overrides.author,
    overrides.reason,
    overrides.expires_on
from {{ ref('assumption_overrides') }} as overrides
inner join {{ ref('int_as_of') }} as as_of on overrides.expires_on < as_of.as_of_date
