select
    fields.account_id,
    {% for alias in custom_field_aliases('account') -%}
    fields.{{ alias }},
    {% endfor -%}
    fields.crm
from {{ ref('crm_account_custom_fields') }} as fields
inner join {{ ref('accounts') }} as published on fields.crm = published.crm and fields.account_id = published.account_id
