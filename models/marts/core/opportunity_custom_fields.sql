select
    fields.opportunity_key,
    fields.opportunity_id,
    {% for alias in custom_field_aliases('opportunity') -%}
    fields.{{ alias }},
    {% endfor -%}
    fields.crm
from {{ ref('crm_opportunity_custom_fields') }} as fields
inner join {{ ref('opportunities') }} as published on fields.opportunity_key = published.opportunity_key
