"""Planted faults: what goes wrong in real CRM tables, in known rows and numbers.

Faults are planted in the finished tables, before these are put in place. Rows are chosen without
replacement within a table, so that no row has two faults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.random import Generator

from reverse_funnel.demo.calendar import Ints

UNKNOWN_STAGE = "Verbal Commit"
UNKNOWN_CURRENCY = "XXX"
EMPTY_ID = "000000000000000AAA"
ABSURD_AMOUNT = 10_000_000_000_000
_IDS_SHOWN = 20
_NUMBERS = "reverse_funnel_demo_faults"
_BEYOND = 700_000_000_000_000
"""Added to a number to make that of something that does not exist."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    ``statement`` is SQL with the placeholders ``{table}``, ``{chosen}`` (a condition that holds
    for the chosen rows) and, for rows put in beside the others, ``{columns}``. ``id_prefix`` is
    that of the table's ids.
    """

    name: str
    table: str
    id_prefix: str
    statement: str


def _set(change: str) -> str:
    return f"update {{table}} set {change} where {{chosen}}"


def _insert(replaced: str) -> str:
    return f"insert into {{table}} select * replace ({replaced}) from {{table}} where {{chosen}}"


_OLDER_VERSION = (
    "greatest(system_modstamp - interval 1 day, created_date) as system_modstamp, "
    "greatest(last_modified_date - interval 1 day, created_date) as last_modified_date, "
    "greatest(_fivetran_synced - interval 1 day, created_date) as _fivetran_synced"
)
_MOJIBAKE = "name = 'SociÃ©tÃ© gÃ©nÃ©rale ' || name"


def _opportunity(name: str, statement: str) -> Fault:
    return Fault(name, "opportunity", "006", statement)


def _history(name: str, statement: str) -> Fault:
    return Fault(name, "opportunity_history", "008", statement)


FAULTS: tuple[Fault, ...] = (
    _opportunity("missing_id", _set("id = null")),
    _opportunity("duplicate_id", _insert(f"{_OLDER_VERSION}, amount * 0.9 as amount")),
    _opportunity("unknown_stage", _set(f"stage_name = '{UNKNOWN_STAGE}'")),
    _opportunity("negative_amount", _set("amount = -abs(coalesce(amount, 5000))")),
    _opportunity("absurd_amount", _set(f"amount = {ABSURD_AMOUNT}")),
    _opportunity("close_date_1900", _set("close_date = date '1900-01-01'")),
    _opportunity("close_date_2999", _set("close_date = date '2999-12-31'")),
    _opportunity("close_before_creation", _set("close_date = created_date::date - 200")),
    _opportunity("dangling_account", _set(f"account_id = printf('001%015d', {_BEYOND} + 1)")),
    _opportunity("dangling_owner", _set(f"owner_id = printf('005%015d', {_BEYOND} + 1)")),
    _opportunity("sentinel_id", _set(f"account_id = '{EMPTY_ID}'")),
    _opportunity("currency_without_rate", _set(f"currency_iso_code = '{UNKNOWN_CURRENCY}'")),
    _opportunity("mojibake_name", _set(_MOJIBAKE)),
    _opportunity("history_disagrees", _set("amount = coalesce(amount, 0) * 1.25 + 777")),
    _history(
        "history_without_opportunity",
        _insert(
            f"printf('008%015d', {_BEYOND} + right(id, 15)::bigint) as id, "
            f"printf('006%015d', {_BEYOND} + right(opportunity_id, 15)::bigint) as opportunity_id"
        ),
    ),
    _history("exact_duplicate_history", _insert("id as id")),
    _history("history_unknown_stage", _set(f"stage_name = '{UNKNOWN_STAGE}'")),
    Fault("account_missing_id", "account", "001", _set("id = null")),
    Fault("account_duplicate_id", "account", "001", _insert(_OLDER_VERSION)),
    Fault("account_mojibake_name", "account", "001", _set(_MOJIBAKE)),
    Fault("lead_missing_id", "lead", "00Q", _set("id = null")),
    Fault("lead_duplicate_id", "lead", "00Q", _insert(_OLDER_VERSION)),
    Fault(
        "lead_dangling_opportunity",
        "lead",
        "00Q",
        _set(
            f"converted_opportunity_id = printf('006%015d', {_BEYOND} + 1), is_converted = true, "
            "status = 'Converted'"
        ),
    ),
    Fault("lead_dangling_owner", "lead", "00Q", _set(f"owner_id = printf('005%015d', {_BEYOND})")),
)


def faulted_tables() -> dict[str, list[Fault]]:
    """Return the faults of each table, in a fixed order."""
    tables: dict[str, list[Fault]] = {}
    for fault in FAULTS:
        tables.setdefault(fault.table, []).append(fault)
    return tables


def plant(
    connection: duckdb.DuckDBPyConnection,
    target: Callable[[str], str],
    rows: dict[str, int],
    dirty: float,
    rng: Generator,
) -> dict[str, dict[str, Any]]:
    """Plant faults in a share ``dirty`` of the rows of each table that has faults.

    The share is divided evenly among the table's kinds of fault, at least one row each.
    ``target`` gives the SQL name of a table; ``rows`` its length, updated here where rows are
    added. Returns, by fault, the table, how many rows and the first ids.
    """
    if dirty <= 0:
        return {}
    planted: dict[str, dict[str, Any]] = {}
    for table, faults in faulted_tables().items():
        length = rows[table]
        each = min(max(1, round(dirty * length / len(faults))), length // len(faults))
        chosen = rng.choice(length, size=each * len(faults), replace=False)
        for number, fault in enumerate(faults):
            picked = np.sort(chosen[number * each : (number + 1) * each]).astype(np.int64)
            added = _apply(connection, target(table), fault, picked)
            rows[table] += added
            planted[fault.name] = {
                "table": table,
                "rows": len(picked),
                "ids": [f"{fault.id_prefix}{n + 1:015d}" for n in picked[:_IDS_SHOWN].tolist()],
            }
    return planted


def _apply(connection: duckdb.DuckDBPyConnection, table: str, fault: Fault, picked: Ints) -> int:
    """Plant one fault in the rows of the given numbers; returns how many rows were added."""
    if not len(picked):
        return 0
    connection.register(_NUMBERS, {"number": picked})
    try:
        chosen = f"id in (select printf('{fault.id_prefix}%015d', number + 1) from {_NUMBERS})"
        connection.execute(fault.statement.format(table=table, chosen=chosen))
    finally:
        connection.unregister(_NUMBERS)
    return len(picked) if fault.statement.startswith("insert") else 0
