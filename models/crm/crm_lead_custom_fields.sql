{{ crm_custom_fields('lead', published=ref('crm_leads'), keys=['lead_key', 'lead_id', 'crm']) }}
