"""The planted faults in HubSpot's shape: the same as Salesforce's, by the same names.

A deal's history is told property by property, so a fault of it is a value that a property was
given. Ids are numbers, so the null id is 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from reverse_funnel.demo.faults import (
    ABSURD_AMOUNT,
    MOJIBAKE,
    PADDED,
    UNKNOWN_CURRENCY,
    UNREADABLE_AMOUNT,
    UNSEEN,
    Fault,
    Kind,
)

UNKNOWN_STAGE = "verbalcommit"
KINDS: Mapping[str, Kind] = {
    "opportunity": Kind("deal", "deal_id", "not is_deleted"),
    "account": Kind("company", "id", "not is_deleted"),
    "lead": Kind("contact", "id", "not _fivetran_deleted"),
    "lead_change": Kind("contact_property_history", "rowid"),
    "touch": Kind("engagement_meeting", "engagement_id"),
    "user": Kind("owner", "owner_id"),
}
_BEYOND = 900_000_000
"""Added to an id to make that of something that does not exist."""
_NOWHERE = 1_000_000_001
"""The id of a deal or contact that does not exist, and is smaller than any that does."""
_OLDER = (
    "{modified} - interval 1 day as {modified}, "
    "_fivetran_synced - interval 1 day as _fivetran_synced"
)
_MODIFIED = "property_hs_lastmodifieddate"
_FAR = "timestamp '2099-12-31'"


def _set(table: str, change: str, key: str = "id") -> tuple[str]:
    return (f"update {{{table}}} set {change} where {key} in {{chosen}}",)


def _copy(table: str, replaced: str, key: str = "id") -> tuple[str]:
    return (
        f"insert into {{{table}}} select * replace ({replaced}) from {{{table}}} "
        f"where {key} in {{chosen}}",
    )


def _deal(name: str, rule: str, change: str, shown: str | None = "id") -> Fault:
    return Fault(name, "opportunity", rule, _set("deal", change, "deal_id"), shown)


def _told(
    name: str, value: str, when: str, deal: str = "deal_id", synced: str = "_fivetran_synced"
) -> str:
    """Return SQL for one more value of a property, told from the deal's first stage."""
    return (
        f"insert into {{deal_property_history}} select {deal}, '{name}', {value}, {when}, source, "
        f"source_id, {synced} from {{deal_property_history}} "
        "where name = 'dealstage' and deal_id in {chosen} "
        'qualify row_number() over (partition by deal_id order by "timestamp") = 1'
    )


def _after(seconds: int) -> str:
    return f'"timestamp" + interval {seconds} second'


def _history(name: str, rule: str, *statements: str, shown: str | None = "id") -> Fault:
    return Fault(name, "opportunity", rule, statements, shown)


def _respelled(name: str, spelling: str) -> Fault:
    """Every stage once more under another id, its label spelled otherwise, for some deals."""
    return Fault(
        name,
        "opportunity",
        "stage_respelled",
        (
            f"insert into {{deal_pipeline_stage}} select * replace ('{name}' || stage_id as "
            f"stage_id, {spelling.format('label')} as label) from {{deal_pipeline_stage}}",
            *_set(
                "deal",
                f"deal_pipeline_stage_id = '{name}' || deal_pipeline_stage_id",
                "deal_id",
            ),
        ),
    )


def _rate(name: str, currency: str, rate: str) -> Fault:
    """Give deals a currency whose rate is none or no rate, now and in the history."""
    return Fault(
        name,
        "opportunity",
        "currency_without_rate",
        (
            *_set(
                "deal",
                f"property_deal_currency_code = '{currency}', property_hs_exchange_rate = {rate}, "
                "property_amount_in_home_currency = null",
                "deal_id",
            ),
            "delete from {deal_property_history} where name = 'hs_exchange_rate' "
            "and deal_id in {chosen}",
        ),
    )


def _company_of_deal(name: str, rule: str, company: str) -> Fault:
    statements = _set("deal_company", f"company_id = {company}", "deal_id")
    return Fault(name, "opportunity", rule, statements)


_OPPORTUNITIES = (
    _deal("missing_id", "opportunities_missing_id", "deal_id = null", None),
    _deal("sentinel_own_id", "opportunities_missing_id", "deal_id = 0", None),
    _deal("missing_creation", "opportunities_missing_created_at", "property_createdate = null"),
    _deal(
        "created_year_1",
        "opportunities_impossible_created_at",
        "property_createdate = timestamp '0001-01-01'",
    ),
    _deal("created_2099", "opportunities_impossible_created_at", f"property_createdate = {_FAR}"),
    Fault(
        "duplicate_id",
        "opportunity",
        "opportunities_superseded",
        _copy(
            "deal",
            _OLDER.format(modified=_MODIFIED) + ", property_amount * 0.9 as property_amount",
            "deal_id",
        ),
    ),
    Fault(
        "exact_duplicate",
        "opportunity",
        "opportunities_superseded",
        _copy("deal", "deal_id as deal_id", "deal_id"),
    ),
    _deal("unknown_stage", "stage_unmapped", f"deal_pipeline_stage_id = '{UNKNOWN_STAGE}'"),
    _deal("missing_stage", "stage_unmapped", "deal_pipeline_stage_id = null"),
    _deal("sentinel_stage", "stage_unmapped", "deal_pipeline_stage_id = 'null'"),
    _respelled("stage_padded", PADDED),
    _respelled("stage_unseen", UNSEEN),
    _respelled("stage_case", "upper({}) || '  '"),
    _deal(
        "negative_amount",
        "amount_negative",
        "property_amount = -abs(coalesce(property_amount, 5000))",
    ),
    _deal("absurd_amount", "amount_absurd", f"property_amount = {ABSURD_AMOUNT}"),
    _deal("unreadable_amount", "amount_unreadable", f"property_amount = {UNREADABLE_AMOUNT}"),
    *(
        _deal(
            f"close_date_{year}",
            "close_date_far_future" if year == "2099" else "close_date_impossible",
            f"property_closedate = timestamp '{year}-12-31'",
        )
        for year in ("0001", "1900", "2999", "9999", "2099")
    ),
    _deal(
        "close_before_creation",
        "close_before_creation",
        "property_closedate = property_createdate - interval 200 day",
    ),
    _company_of_deal("dangling_account", "account_dangling", f"company_id + {_BEYOND}"),
    _company_of_deal("sentinel_id", "account_missing", "0"),
    _deal("dangling_owner", "owner_dangling", f"owner_id = owner_id + {_BEYOND}"),
    _deal("sentinel_owner", "owner_missing", "owner_id = 0"),
    Fault(
        "dangling_lead",
        "opportunity",
        "opportunity_lead_dangling",
        (
            f"insert into {{deal_contact}} select id, {_NOWHERE}, 3, 'HUBSPOT_DEFINED', null "
            "from {chosen}",
        ),
    ),
    _rate("currency_without_rate", UNKNOWN_CURRENCY, "null"),
    _rate("currency_rate_zero", "EUR", "0"),
    _rate("currency_rate_negative", "EUR", "-1.1"),
    _deal(
        "mojibake_name", "name_garbled", f"property_dealname = '{MOJIBAKE}' || property_dealname"
    ),
    _deal(
        "replacement_name",
        "name_garbled",
        "property_dealname = 'Caf' || chr(65533) || ' ' || property_dealname",
    ),
    _deal(
        "unseen_name",
        "name_garbled",
        "property_dealname = 'Acme' || chr(8203) || chr(7) || property_dealname",
    ),
    _deal(
        "history_disagrees",
        "history_disagrees",
        "property_amount = coalesce(property_amount, 0) * 1.25 + 777",
    ),
    _deal(
        "modified_before_history",
        "modified_before_last_change",
        f"{_MODIFIED} = property_createdate - interval 2 day",
    ),
    _deal("modified_2099", "last_modified_impossible", f"{_MODIFIED} = {_FAR}"),
)
_AMOUNT = "'1000'"
_HISTORIES = (
    _history(
        "history_missing_id",
        "opportunity_changes_missing_id",
        _told("amount", _AMOUNT, _after(1), deal="null"),
        shown=None,
    ),
    _history(
        "history_without_opportunity",
        "opportunity_changes_unknown_opportunity",
        _told("dealstage", "value", '"timestamp"', deal=f"deal_id + {_BEYOND}"),
        shown=f"id + {_BEYOND}",
    ),
    _history(
        "exact_duplicate_history",
        "opportunity_changes_superseded",
        _told("dealstage", "value", '"timestamp"'),
    ),
    _history(
        "history_unknown_stage",
        "history_stage_unmapped",
        _told("dealstage", "value", _after(2)),
        _told("dealstage", f"'{UNKNOWN_STAGE}'", _after(1)),
    ),
    _history(
        "history_stage_padded",
        "history_stage_respelled",
        "insert into {deal_pipeline_stage} select * replace ('history_padded' || stage_id as "
        f"stage_id, {PADDED.format('label')} as label) from {{deal_pipeline_stage}}",
        _told("dealstage", "value", _after(2)),
        _told("dealstage", "'history_padded' || value", _after(1)),
    ),
    _history(
        "history_negative_amount",
        "history_amount_unusable",
        _told("amount", "'-5000'", _after(1)),
    ),
    _history(
        "history_absurd_amount",
        "history_amount_unusable",
        _told("amount", f"'{ABSURD_AMOUNT}'", _after(1)),
    ),
    *(
        _history(
            f"history_close_date_{year}",
            "history_close_date_unusable",
            _told("closedate", f"epoch_ms(timestamp '{year}-12-31')::varchar", _after(1)),
        )
        for year in ("9999", "2099")
    ),
    _history(
        "history_missing_time",
        "opportunity_changes_missing_changed_at",
        _told("amount", _AMOUNT, "null"),
    ),
    _history(
        "history_time_0001",
        "opportunity_changes_impossible_changed_at",
        _told("amount", _AMOUNT, "timestamp '0001-01-01'"),
    ),
    _history(
        "history_time_2099",
        "opportunity_changes_impossible_changed_at",
        _told("amount", _AMOUNT, _FAR),
    ),
    _history(
        "history_tie",
        "history_tie",
        _told("amount", _AMOUNT, _after(1)),
        _told("amount", "'2000'", _after(1)),
    ),
    _history(
        "change_before_creation",
        "history_before_creation",
        _told("dealstage", "value", '"timestamp" - interval 30 day'),
    ),
    _history(
        "closed_then_reopened",
        "reopened",
        _told("dealstage", "value", _after(2)),
        _told("dealstage", "'closedlost'", _after(1)),
    ),
    _history(
        "attribute_missing_id",
        "attribute_changes_missing_id",
        _told("dealtype", "'upsell'", _after(1), deal="null"),
        shown=None,
    ),
    _history(
        "attribute_missing_time",
        "attribute_changes_missing_changed_at",
        _told("dealtype", "'upsell'", "null"),
    ),
    # The first value of a property is none of its changes.
    _history(
        "attribute_dangling",
        "attribute_change_dangling",
        _told("dealtype", "'newbusiness'", _after(0), deal=f"deal_id + {_BEYOND}"),
        _told("dealtype", "'upsell'", _after(1), deal=f"deal_id + {_BEYOND}"),
        shown=f"id + {_BEYOND}",
    ),
)
_RECORDS = (
    Fault(
        "account_missing_id", "account", "accounts_missing_id", _set("company", "id = null"), None
    ),
    Fault(
        "account_duplicate_id",
        "account",
        "accounts_superseded",
        _copy("company", _OLDER.format(modified=_MODIFIED)),
    ),
    Fault(
        "account_mojibake_name",
        "account",
        "account_name_garbled",
        _set("company", f"property_name = '{MOJIBAKE}' || property_name"),
    ),
    Fault(
        "account_dangling_owner",
        "account",
        "account_owner_dangling",
        _set("company", f"property_hubspot_owner_id = {_NOWHERE}"),
    ),
    Fault(
        "account_negative_employees",
        "account",
        "account_employees_negative",
        _set("company", "property_numberofemployees = -7"),
    ),
    Fault("lead_missing_id", "lead", "leads_missing_id", _set("contact", "id = null"), None),
    Fault(
        "lead_missing_creation",
        "lead",
        "leads_missing_created_at",
        _set("contact", "property_createdate = null"),
    ),
    Fault(
        "lead_created_2099",
        "lead",
        "leads_impossible_created_at",
        _set("contact", f"property_createdate = {_FAR}"),
    ),
    Fault(
        "lead_duplicate_id",
        "lead",
        "leads_superseded",
        _copy("contact", _OLDER.format(modified="property_lastmodifieddate")),
    ),
    Fault(
        "lead_dangling_opportunity",
        "lead",
        "lead_opportunity_dangling",
        (
            f"insert into {{deal_contact}} select {_NOWHERE}, id, 3, 'HUBSPOT_DEFINED', null "
            "from {chosen}",
        ),
    ),
    Fault(
        "lead_dangling_account",
        "lead",
        "lead_account_dangling",
        _set("contact", f"property_associatedcompanyid = {_NOWHERE}"),
    ),
    Fault(
        "lead_dangling_owner",
        "lead",
        "lead_owner_dangling",
        _set("contact", f"property_hubspot_owner_id = {_NOWHERE}"),
    ),
    Fault(
        "lead_converted_before_creation",
        "lead",
        "lead_converted_before_creation",
        (
            "insert into {deal_contact} select (select max(deal_id) from {deal}), id, 3, "
            "'HUBSPOT_DEFINED', null from {chosen}",
            *_set(
                "contact",
                "property_hs_lifecyclestage_opportunity_date = "
                "property_createdate - interval 30 day",
            ),
        ),
    ),
)
_EVENTS = (
    Fault(
        "lead_change_missing_id",
        "lead_change",
        "lead_changes_missing_id",
        _set("contact_property_history", "contact_id = null", "rowid"),
        None,
    ),
    Fault(
        "lead_change_missing_time",
        "lead_change",
        "lead_changes_missing_changed_at",
        _set(
            "contact_property_history",
            f'"timestamp" = null, contact_id = {_NOWHERE} + rowid',
            "rowid",
        ),
        f"{_NOWHERE} + id",
    ),
    Fault(
        "lead_change_dangling",
        "lead_change",
        "lead_change_dangling",
        _set("contact_property_history", f"contact_id = {_NOWHERE} + rowid", "rowid"),
        f"{_NOWHERE} + id",
    ),
    Fault(
        "touch_missing_id",
        "touch",
        "touches_missing_id",
        _set("engagement_meeting", "engagement_id = null", "engagement_id"),
        None,
    ),
    Fault(
        "touch_missing_time",
        "touch",
        "touches_missing_occurred_at",
        _set(
            "engagement_meeting",
            "property_hs_timestamp = null, property_hs_createdate = null, "
            "property_hs_meeting_start_time = null",
            "engagement_id",
        ),
    ),
    Fault(
        "touch_2099",
        "touch",
        "touches_impossible_occurred_at",
        _set("engagement_meeting", f"property_hs_meeting_start_time = {_FAR}", "engagement_id"),
    ),
    *(
        Fault(
            f"touch_dangling_{what}",
            "touch",
            f"touch_{what}_dangling",
            (
                f"insert into {{engagement_{table}}} select id, {_NOWHERE}, 'MEETING', null "
                "from {chosen}",
            ),
        )
        for what, table in (("opportunity", "deal"), ("lead", "contact"))
    ),
    Fault(
        "touch_dangling_owner",
        "touch",
        "touch_owner_dangling",
        _set("engagement_meeting", f"property_hubspot_owner_id = {_NOWHERE}", "engagement_id"),
    ),
    Fault(
        "user_missing_id",
        "user",
        "users_missing_id",
        _copy("owner", "null as owner_id", "owner_id"),
        None,
    ),
    Fault(
        "user_duplicate_id",
        "user",
        "users_superseded",
        _copy("owner", "owner_id as owner_id", "owner_id"),
    ),
)
FAULTS: tuple[Fault, ...] = (*_OPPORTUNITIES, *_HISTORIES, *_RECORDS, *_EVENTS)
NOT_HERE: Mapping[str, str] = {
    "sentinel_word": "ids are numbers: no word can stand in one",
    "user_dangling_manager": "HubSpot does not say who manages whom",
}
"""Faults that Salesforce can have and HubSpot cannot, and why."""
