"""Planted faults: what goes wrong in real CRM tables, in known rows and numbers.

Faults are planted in the finished tables, before these are put in place. The records of a kind
(deals, accounts, leads, ...) are chosen without replacement, so that no record has two faults; a
fault of a history is one of the deal whose history it is. Both CRMs have the same faults, each in
its own shape: :mod:`reverse_funnel.demo.salesforce_faults` and
:mod:`reverse_funnel.demo.hubspot_faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.random import Generator

UNKNOWN_CURRENCY = "XXX"
EMPTY_ID = "000000000000000AAA"
ABSURD_AMOUNT = 10_000_000_000_000
UNREADABLE_AMOUNT = 5_000_000_000_000_000
MOJIBAKE = "SociÃ©tÃ© gÃ©nÃ©rale "
PADDED, UNSEEN = "chr(160) || {} || chr(8203)", "chr(9) || {} || chr(1) || '  '"
"""SQL that spells a name otherwise: with a no-break and a zero-width space, and with a tab, a
control character and blanks."""
IDS_SHOWN = 20
_CHOSEN = "reverse_funnel_demo_faults"


@dataclass(frozen=True)
class Kind:
    """Records of which some get a fault: their table, its key, and which of them may be chosen."""

    table: str
    key: str
    condition: str = "true"


@dataclass(frozen=True)
class Fault:
    """One fault, as SQL that plants it in the chosen records of its kind.

    ``statements`` have the placeholders ``{chosen}``, a subquery of the chosen keys, and the names
    of all tables. ``rule`` is the rule of ``data_quality`` that must find it. ``shown`` is SQL
    for the id by which it is found, made from the key ``id``; None where the fault leaves no id.
    """

    name: str
    kind: str
    rule: str
    statements: tuple[str, ...]
    shown: str | None = "id"


def plant(
    connection: duckdb.DuckDBPyConnection,
    target: Callable[[str], str],
    rows: dict[str, int],
    dirty: float,
    rng: Generator,
    *,
    kinds: Mapping[str, Kind],
    faults: Sequence[Fault],
) -> dict[str, dict[str, Any]]:
    """Plant faults in a share ``dirty`` of the records of each kind that has faults.

    The share is divided evenly among the kind's faults, at least one record each as long as there
    are so many. ``target`` gives the SQL name of a table; ``rows`` the rows of each table, counted
    anew here. Returns, by fault, the kind of record, the rule, how many and the first ids.
    """
    if dirty <= 0:
        return {}
    planted: dict[str, dict[str, Any]] = {}
    names = {table: target(table) for table in rows}
    for name, kind in kinds.items():
        mine = [fault for fault in faults if fault.kind == name]
        keys = _keys(connection, names[kind.table], kind)
        each = min(max(1, round(dirty * len(keys) / len(mine))), len(keys) // len(mine))
        chosen = rng.choice(len(keys), size=each * len(mine), replace=False)
        for number, fault in enumerate(mine):
            picked = keys[np.sort(chosen[number * each : (number + 1) * each])]
            planted[fault.name] = {
                "kind": name,
                "rule": fault.rule,
                "rows": len(picked),
                "ids": _apply(connection, names, fault, picked),
            }
    for table, qualified in names.items():
        counted = connection.execute(f"select count(*) from {qualified}").fetchone()
        rows[table] = int(counted[0]) if counted else 0
    return planted


def _keys(connection: duckdb.DuckDBPyConnection, table: str, kind: Kind) -> np.ndarray[Any, Any]:
    """Return the keys of the records that may be chosen, in order."""
    found = connection.execute(
        f"select {kind.key} from {table} where {kind.condition} order by {kind.key}"
    ).fetchall()
    return np.array([key for (key,) in found], dtype=object)


def _apply(
    connection: duckdb.DuckDBPyConnection,
    names: Mapping[str, str],
    fault: Fault,
    picked: np.ndarray[Any, Any],
) -> list[str]:
    """Plant one fault in the records of the given keys; returns the first ids it is found by."""
    if not len(picked):
        return []
    kind = "bigint" if isinstance(picked[0], int) else "varchar"
    connection.execute(f"create or replace temp table {_CHOSEN} (id {kind})")
    connection.executemany(f"insert into {_CHOSEN} values (?)", [[key] for key in picked])
    try:
        for statement in fault.statements:
            connection.execute(statement.format(chosen=f"(select id from {_CHOSEN})", **names))
        if fault.shown is None:
            return []
        shown = connection.execute(
            f"select cast({fault.shown} as varchar) from {_CHOSEN} order by id limit {IDS_SHOWN}"
        ).fetchall()
    finally:
        connection.execute(f"drop table {_CHOSEN}")
    return [text for (text,) in shown]
