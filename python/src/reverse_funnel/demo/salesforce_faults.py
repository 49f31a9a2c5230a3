"""The planted faults in Salesforce's shape."""

from __future__ import annotations

from collections.abc import Mapping

from reverse_funnel.demo.faults import (
    ABSURD_AMOUNT,
    EMPTY_ID,
    MOJIBAKE,
    PADDED,
    UNKNOWN_CURRENCY,
    UNREADABLE_AMOUNT,
    UNSEEN,
    Fault,
    Kind,
)

UNKNOWN_STAGE = "Verbal Commit"
KINDS: Mapping[str, Kind] = {
    "opportunity": Kind("opportunity", "id", "not is_deleted"),
    "account": Kind("account", "id", "not is_deleted"),
    "lead": Kind("lead", "id", "not is_deleted"),
    "attribute_change": Kind("opportunity_field_history", "id"),
    "lead_change": Kind("lead_history", "id"),
    "touch": Kind("event", "id"),
    "user": Kind("user", "id"),
}
_OLDER = (
    "greatest(system_modstamp - interval 1 day, created_date) as system_modstamp, "
    "greatest(last_modified_date - interval 1 day, created_date) as last_modified_date, "
    "greatest(_fivetran_synced - interval 1 day, created_date) as _fivetran_synced"
)
_FIRST_CHANGES = (
    "(select arg_min(id, (created_date, id)) from {opportunity_history} "
    "where opportunity_id in {chosen} group by opportunity_id)"
)


def _unknown(prefix: str, key: str = "id") -> str:
    """Return SQL for the id of something that does not exist, made from another id."""
    return f"'{prefix}Z' || right({key}, 14)"


def _set(table: str, change: str) -> tuple[str]:
    return (f"update {{{table}}} set {change} where id in {{chosen}}",)


def _copy(table: str, replaced: str) -> tuple[str]:
    return (
        f"insert into {{{table}}} select * replace ({replaced}) from {{{table}}} "
        "where id in {chosen}",
    )


def _set_change(change: str) -> tuple[str]:
    return (f"update {{opportunity_history}} set {change} where id in {_FIRST_CHANGES}",)


def _copy_change(replaced: str) -> str:
    return (
        f"insert into {{opportunity_history}} select * replace ({replaced}) "
        f"from {{opportunity_history}} where id in {_FIRST_CHANGES}"
    )


def _deal(name: str, rule: str, change: str, shown: str | None = "id") -> Fault:
    return Fault(name, "opportunity", rule, _set("opportunity", change), shown)


def _history(name: str, rule: str, *statements: str, shown: str | None = "id") -> Fault:
    return Fault(name, "opportunity", rule, statements, shown)


def _without_rate(name: str, currency: str, rate: str) -> Fault:
    """Give opportunities a currency whose rate is no rate."""
    return Fault(
        name,
        "opportunity",
        "currency_without_rate",
        (
            "insert into {dated_conversion_rate} select * replace "
            f"('{currency}' as iso_code, {rate} as conversion_rate) "
            "from {dated_conversion_rate} where iso_code = 'EUR'",
            *_set("opportunity", f"currency_iso_code = '{currency}'"),
        ),
    )


_OPPORTUNITIES = (
    _deal("missing_id", "opportunities_missing_id", "id = null", None),
    _deal("sentinel_own_id", "opportunities_missing_id", f"id = '{EMPTY_ID}'", None),
    _deal("missing_creation", "opportunities_missing_created_at", "created_date = null"),
    _deal(
        "created_year_1",
        "opportunities_impossible_created_at",
        "created_date = timestamp '0001-01-01'",
    ),
    _deal(
        "created_2099",
        "opportunities_impossible_created_at",
        "created_date = timestamp '2099-12-31'",
    ),
    Fault(
        "duplicate_id",
        "opportunity",
        "opportunities_superseded",
        _copy("opportunity", f"{_OLDER}, amount * 0.9 as amount"),
    ),
    Fault(
        "exact_duplicate",
        "opportunity",
        "opportunities_superseded",
        _copy("opportunity", "id as id"),
    ),
    _deal("unknown_stage", "stage_unmapped", f"stage_name = '{UNKNOWN_STAGE}'"),
    _deal("missing_stage", "stage_unmapped", "stage_name = null"),
    _deal("sentinel_stage", "stage_unmapped", "stage_name = 'N/A'"),
    _deal("stage_padded", "stage_respelled", f"stage_name = {PADDED.format('stage_name')}"),
    _deal("stage_unseen", "stage_respelled", f"stage_name = {UNSEEN.format('stage_name')}"),
    _deal("stage_case", "stage_respelled", "stage_name = upper(stage_name) || '  '"),
    _deal("negative_amount", "amount_negative", "amount = -abs(coalesce(amount, 5000))"),
    _deal("absurd_amount", "amount_absurd", f"amount = {ABSURD_AMOUNT}"),
    _deal("unreadable_amount", "amount_unreadable", f"amount = {UNREADABLE_AMOUNT}"),
    _deal("close_date_0001", "close_date_impossible", "close_date = date '0001-01-01'"),
    _deal("close_date_1900", "close_date_impossible", "close_date = date '1900-01-01'"),
    _deal("close_date_2999", "close_date_impossible", "close_date = date '2999-12-31'"),
    _deal("close_date_9999", "close_date_impossible", "close_date = date '9999-12-31'"),
    _deal("close_date_2099", "close_date_far_future", "close_date = date '2099-12-31'"),
    _deal(
        "close_before_creation",
        "close_before_creation",
        "close_date = created_date::date - 200",
    ),
    _deal("dangling_account", "account_dangling", f"account_id = {_unknown('001')}"),
    _deal("sentinel_id", "account_missing", f"account_id = '{EMPTY_ID}'"),
    _deal("sentinel_word", "account_missing", "account_id = 'null'"),
    _deal("dangling_owner", "owner_dangling", f"owner_id = {_unknown('005')}"),
    _deal("sentinel_owner", "owner_missing", f"owner_id = '{EMPTY_ID}'"),
    _deal(
        "currency_without_rate",
        "currency_without_rate",
        f"currency_iso_code = '{UNKNOWN_CURRENCY}'",
    ),
    _without_rate("currency_rate_zero", "ZZZ", "0"),
    _without_rate("currency_rate_negative", "ZZY", "-1.1"),
    _deal("mojibake_name", "name_garbled", f"name = '{MOJIBAKE}' || name"),
    _deal("replacement_name", "name_garbled", "name = 'Caf' || chr(65533) || ' ' || name"),
    _deal("unseen_name", "name_garbled", "name = 'Acme' || chr(8203) || chr(7) || name"),
    _deal("history_disagrees", "history_disagrees", "amount = coalesce(amount, 0) * 1.25 + 777"),
    _deal(
        "modified_before_history",
        "modified_before_last_change",
        "last_modified_date = created_date - interval 2 day, "
        "system_modstamp = created_date - interval 2 day",
    ),
    _deal(
        "modified_2099",
        "last_modified_impossible",
        "last_modified_date = timestamp '2099-12-31', system_modstamp = timestamp '2099-12-31'",
    ),
)
_HISTORIES = (
    _history(
        "history_missing_id",
        "opportunity_changes_missing_id",
        *_set_change("opportunity_id = null"),
        shown=None,
    ),
    _history(
        "history_without_opportunity",
        "opportunity_changes_unknown_opportunity",
        _copy_change(
            f"{_unknown('008')} as id, {_unknown('006', 'opportunity_id')} as opportunity_id"
        ),
        shown=_unknown("006"),
    ),
    _history("exact_duplicate_history", "opportunity_changes_superseded", _copy_change("id as id")),
    _history(
        "history_unknown_stage",
        "history_stage_unmapped",
        *_set_change(f"stage_name = '{UNKNOWN_STAGE}'"),
    ),
    _history(
        "history_stage_padded",
        "history_stage_respelled",
        *_set_change(f"stage_name = {PADDED.format('stage_name')}"),
    ),
    _history("history_negative_amount", "history_amount_unusable", *_set_change("amount = -5000")),
    _history(
        "history_absurd_amount",
        "history_amount_unusable",
        *_set_change(f"amount = {ABSURD_AMOUNT}"),
    ),
    _history(
        "history_close_date_9999",
        "history_close_date_unusable",
        *_set_change("close_date = date '9999-12-31'"),
    ),
    _history(
        "history_close_date_2099",
        "history_close_date_unusable",
        *_set_change("close_date = date '2099-12-31'"),
    ),
    _history(
        "history_missing_time",
        "opportunity_changes_missing_changed_at",
        *_set_change("created_date = null"),
    ),
    _history(
        "history_time_0001",
        "opportunity_changes_impossible_changed_at",
        *_set_change("created_date = timestamp '0001-01-01'"),
    ),
    _history(
        "history_time_2099",
        "opportunity_changes_impossible_changed_at",
        *_set_change("created_date = timestamp '2099-12-31'"),
    ),
    _history(
        "history_tie",
        "history_tie",
        _copy_change(f"{_unknown('008')} as id, coalesce(amount, 0) + 1 as amount"),
    ),
    _history(
        "change_before_creation",
        "history_before_creation",
        _copy_change(f"{_unknown('008')} as id, created_date - interval 30 day as created_date"),
    ),
    _history(
        "closed_then_reopened",
        "reopened",
        _copy_change(f"{_unknown('008Y')} as id, created_date + interval 2 second as created_date"),
        _copy_change(
            f"{_unknown('008')} as id, created_date + interval 1 second as created_date, "
            "'Closed Lost' as stage_name"
        ),
    ),
)
_RECORDS = (
    Fault(
        "account_missing_id", "account", "accounts_missing_id", _set("account", "id = null"), None
    ),
    Fault("account_duplicate_id", "account", "accounts_superseded", _copy("account", _OLDER)),
    Fault(
        "account_mojibake_name",
        "account",
        "account_name_garbled",
        _set("account", f"name = '{MOJIBAKE}' || name"),
    ),
    Fault(
        "account_dangling_owner",
        "account",
        "account_owner_dangling",
        _set("account", f"owner_id = {_unknown('005')}"),
    ),
    Fault(
        "account_negative_employees",
        "account",
        "account_employees_negative",
        _set("account", "number_of_employees = -7"),
    ),
    Fault("lead_missing_id", "lead", "leads_missing_id", _set("lead", "id = null"), None),
    Fault(
        "lead_missing_creation",
        "lead",
        "leads_missing_created_at",
        _set("lead", "created_date = null"),
    ),
    Fault(
        "lead_created_2099",
        "lead",
        "leads_impossible_created_at",
        _set("lead", "created_date = timestamp '2099-12-31'"),
    ),
    Fault("lead_duplicate_id", "lead", "leads_superseded", _copy("lead", _OLDER)),
    Fault(
        "lead_dangling_opportunity",
        "lead",
        "lead_opportunity_dangling",
        _set(
            "lead",
            f"converted_opportunity_id = {_unknown('006')}, is_converted = true, "
            "status = 'Converted'",
        ),
    ),
    Fault(
        "lead_dangling_account",
        "lead",
        "lead_account_dangling",
        _set("lead", f"converted_account_id = {_unknown('001')}"),
    ),
    Fault(
        "lead_dangling_owner",
        "lead",
        "lead_owner_dangling",
        _set("lead", f"owner_id = {_unknown('005')}"),
    ),
    Fault(
        "lead_converted_before_creation",
        "lead",
        "lead_converted_before_creation",
        _set("lead", "is_converted = true, converted_date = created_date::date - 30"),
    ),
)
_EVENTS = (
    Fault(
        "attribute_missing_id",
        "attribute_change",
        "attribute_changes_missing_id",
        _set("opportunity_field_history", "opportunity_id = null"),
        None,
    ),
    Fault(
        "attribute_missing_time",
        "attribute_change",
        "attribute_changes_missing_changed_at",
        _set("opportunity_field_history", "created_date = null, opportunity_id = '006Z' || id"),
        "'006Z' || id",
    ),
    Fault(
        "attribute_dangling",
        "attribute_change",
        "attribute_change_dangling",
        _set("opportunity_field_history", "opportunity_id = '006Z' || id"),
        "'006Z' || id",
    ),
    Fault(
        "lead_change_missing_id",
        "lead_change",
        "lead_changes_missing_id",
        _set("lead_history", "lead_id = null"),
        None,
    ),
    Fault(
        "lead_change_missing_time",
        "lead_change",
        "lead_changes_missing_changed_at",
        _set("lead_history", "created_date = null, lead_id = '00QZ' || id"),
        "'00QZ' || id",
    ),
    Fault(
        "lead_change_dangling",
        "lead_change",
        "lead_change_dangling",
        _set("lead_history", "lead_id = '00QZ' || id"),
        "'00QZ' || id",
    ),
    Fault("touch_missing_id", "touch", "touches_missing_id", _set("event", "id = null"), None),
    Fault(
        "touch_missing_time",
        "touch",
        "touches_missing_occurred_at",
        _set("event", "start_date_time = null, activity_date_time = null, created_date = null"),
    ),
    Fault(
        "touch_2099",
        "touch",
        "touches_impossible_occurred_at",
        _set("event", "start_date_time = timestamp '2099-12-31'"),
    ),
    Fault(
        "touch_dangling_opportunity",
        "touch",
        "touch_opportunity_dangling",
        _set("event", f"what_id = {_unknown('006')}"),
    ),
    Fault(
        "touch_dangling_lead",
        "touch",
        "touch_lead_dangling",
        _set("event", f"who_id = {_unknown('00Q')}"),
    ),
    Fault(
        "touch_dangling_owner",
        "touch",
        "touch_owner_dangling",
        _set("event", f"owner_id = {_unknown('005')}"),
    ),
    Fault("user_missing_id", "user", "users_missing_id", _copy("user", "null as id"), None),
    Fault("user_duplicate_id", "user", "users_superseded", _copy("user", "id as id")),
    Fault(
        "user_dangling_manager",
        "user",
        "manager_dangling",
        _set("user", f"manager_id = {_unknown('005')}"),
    ),
)
FAULTS: tuple[Fault, ...] = (*_OPPORTUNITIES, *_HISTORIES, *_RECORDS, *_EVENTS)
