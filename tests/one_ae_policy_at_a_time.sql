-- Policies that overlap would count an AE twice.
with policies as (
    select
        coalesce(segment, 'any segment') as segment,
        coalesce(valid_from, cast('1900-01-01' as date)) as valid_from,
        coalesce(valid_to, cast('2999-12-31' as date)) as valid_to
    from {{ ref('ae_policy') }}
)

select
    earlier.segment,
    earlier.valid_from,
    later.valid_from as next_valid_from
from policies as earlier
inner join policies as later
    on
        earlier.segment = later.segment
        and earlier.valid_from < later.valid_from
        and earlier.valid_to > later.valid_from
