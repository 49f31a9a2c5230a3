{{ config(enabled='salesforce' in var('crm_sources')) }}
{{ staged_custom_fields('salesforce', 'lead') }}
