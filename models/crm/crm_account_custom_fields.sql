{{ crm_custom_fields('account', published=ref('crm_accounts'), keys=['account_id', 'crm']) }}
