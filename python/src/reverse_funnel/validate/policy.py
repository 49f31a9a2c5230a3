"""How strict the gate is: `gate_policy.csv` among the seeds."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reverse_funnel.errors import Fault, InputError, raise_if
from reverse_funnel.text import short_path
from reverse_funnel.validate.checks import CHECKS

POLICY_FILE = Path("policies") / "gate_policy.csv"
COLUMNS = ("check_name", "raw_table", "raw_column", "severity", "limit_value")

Severity = Literal["stop", "warn"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the policy: beyond `limit` (None: the check's own) the gate stops or warns."""

    check: str
    table: str
    column: str
    severity: Literal["stop", "warn", "off"]
    limit: float | None

    @property
    def scope(self) -> tuple[str, str]:
        """Table and column it is for; empty for all."""
        return (self.table, self.column)


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules. The narrowest scope that names a check decides alone, with all of its lines."""

    rules: tuple[Rule, ...]

    def of(self, check: str, table: str = "", column: str = "") -> tuple[Rule, ...]:
        """Return the rules in force for a check on a table, or a column of it; none where off."""
        for scope in ((table, column), (table, ""), ("", column), ("", "")):
            found = tuple(
                rule for rule in self.rules if rule.check == check and rule.scope == scope
            )
            if found:
                return tuple(rule for rule in found if rule.severity != "off")
        return ()


def read_policy(seeds_dir: Path) -> Policy:
    """Return the policy among the seeds.

    Raises `InputError` naming row and column of everything that cannot be a rule.
    """
    path = seeds_dir / POLICY_FILE
    if not path.is_file():
        raise InputError(
            Fault(
                file=short_path(path),
                problem="not found",
                remedy="copy seeds/policies/gate_policy.csv of the project into your seeds",
            )
        )
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
            raise InputError(
                Fault(
                    file=short_path(path),
                    problem=f"has no column {', '.join(missing)}",
                    remedy=f"its columns are {', '.join(COLUMNS)} and note",
                )
            )
        lines = list(enumerate(reader, start=2))
    faults = [fault for row, line in lines for fault in _faults(short_path(path), row, line)]
    raise_if(faults)
    return Policy(tuple(_rule(line) for _, line in lines))


def _rule(line: dict[str, str]) -> Rule:
    return Rule(
        check=line["check_name"],
        table=line["raw_table"] or "",
        column=line["raw_column"] or "",
        severity=line["severity"],  # type: ignore[arg-type]
        limit=float(line["limit_value"]) if line["limit_value"] else None,
    )


def _faults(path: str, row: int, line: dict[str, str]) -> list[Fault]:
    faults = []
    if line["check_name"] not in CHECKS:
        faults.append(
            Fault(
                file=path,
                row=row,
                column="check_name",
                problem=f"there is no check {line['check_name']!r}",
                remedy=f"use one of {', '.join(CHECKS)}",
            )
        )
    if line["severity"] not in {"stop", "warn", "off"}:
        faults.append(
            Fault(
                file=path,
                row=row,
                column="severity",
                problem=f"{line['severity']!r} is none",
                remedy="use stop, warn or off",
            )
        )
    if line["limit_value"] and not _is_limit(line["limit_value"]):
        faults.append(
            Fault(
                file=path,
                row=row,
                column="limit_value",
                problem=f"{line['limit_value']!r} is no limit",
                remedy="give a number of 0 or more, such as 0.05, or nothing",
            )
        )
    return faults


def _is_limit(text: str) -> bool:
    try:
        return 0 <= float(text) < float("inf")
    except ValueError:
        return False
