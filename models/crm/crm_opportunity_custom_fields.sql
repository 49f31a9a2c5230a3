{{ crm_custom_fields('opportunity', published=ref('crm_opportunities'), keys=['opportunity_key', 'opportunity_id', 'crm']) }}
