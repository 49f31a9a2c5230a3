"""Which of the planted faults a built warehouse has found, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

HANDLINGS = ("repaired", "flagged", "skipped", "quarantined", "superseded")
_FINDINGS = """
    select rule, handling, row_id, sum(row_count)
    from marts.data_quality_findings where crm = ? group by all
"""


@dataclass(frozen=True)
class Found:
    """One planted fault: ``planted`` records have it, ``found`` of them are in data_quality.

    ``handling`` is what the rule does with them. ``planted`` counts only the records of which
    truth.json lists the ids, the first twenty, where the fault leaves an id.
    """

    fault: str
    kind: str
    rule: str
    handling: str
    planted: int
    found: int

    @property
    def missed(self) -> int:
        """How many planted records no rule has found."""
        return self.planted - self.found


def find(
    connection: duckdb.DuckDBPyConnection, crm: str, planted: Mapping[str, Mapping[str, Any]]
) -> list[Found]:
    """Hold planted faults (truth.json, ``planted_faults_by_crm``) against what was found.

    A fault that leaves an id must be found under its rule by each id. Those that leave none, such
    as the missing id itself, are found by their number: rows without an id under one rule count
    for the faults of that rule in turn.
    """
    by_id: set[tuple[str, str]] = set()
    without_id: Counter[str] = Counter()
    handlings: dict[str, str] = {}
    for rule, handling, row_id, rows in connection.execute(_FINDINGS, [crm]).fetchall():
        handlings[rule] = handling
        if row_id is None:
            without_id[rule] += int(rows)
        else:
            by_id.add((rule, row_id))
    results = []
    for name, fault in planted.items():
        rule, ids = str(fault["rule"]), fault["ids"]
        if ids:
            expected = len(ids)
            found = sum((rule, row_id) in by_id for row_id in ids)
        else:
            expected = int(fault["rows"])
            found = min(expected, without_id[rule])
            without_id[rule] -= found
        results.append(
            Found(name, str(fault["kind"]), rule, handlings.get(rule, ""), expected, found)
        )
    return results
