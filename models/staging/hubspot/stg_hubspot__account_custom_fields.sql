{{ config(enabled='hubspot' in var('crm_sources')) }}
{{ staged_custom_fields('hubspot', 'account') }}
