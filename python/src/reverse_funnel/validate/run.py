"""The gate as one function: read what is expected, measure, judge, remember."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from reverse_funnel.errors import Fault, InputError
from reverse_funnel.text import short_path
from reverse_funnel.validate.database import RawDatabase, raw_database
from reverse_funnel.validate.expect import Expected, Landscape, expectations
from reverse_funnel.validate.history import (
    History,
    read_history,
    run_lines,
    write_history,
)
from reverse_funnel.validate.judge import judge, load_great_expectations, measured_name
from reverse_funnel.validate.measure import Landed, Measurer, known_values, land
from reverse_funnel.validate.pages import write_first_page
from reverse_funnel.validate.policy import Policy, read_policy
from reverse_funnel.validate.sources import read_sources
from reverse_funnel.warehouse import DbtProject

VOLUME_CHECKS = ("rows_kept", "rows_grown", "recent_rows")

# Seed → its column of values as the CRM writes them.
_VALUES_IN = {
    "stage_map": "stage_name",
    "pipeline_source_map": "lead_source",
    "deal_type_map": "deal_type_raw",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """What is to be validated.

    Attributes
    ----------
    crms
        CRMs whose raw tables are looked at.
    as_of
        The day against whose end freshness is measured; None for the clock, "latest" for the
        latest load of each CRM.
    output
        Folder of the Data Docs.
    state
        Folder of the history.
    accept_volume
        True to take today's row counts as right, and remember them.

    """

    crms: tuple[str, ...]
    as_of: date | str | None
    output: Path
    state: Path
    accept_volume: bool = False


@dataclass(frozen=True, slots=True)
class GateResult:
    """What failed, out of how many expectations and tables; and where the report is."""

    failed: tuple[Expected, ...]
    asked: int
    tables: int
    report: Path

    def stops(self, *, strict: bool = False) -> bool:
        """Return whether the build must not go on: a stop, or with `strict` any failure."""
        return any(strict or one.severity == "stop" for one in self.failed)


def run_gate(gate: Gate, project: DbtProject, say: Callable[[str], None]) -> GateResult:
    """Validate the raw tables of a project.

    Raises `InputError` for a CRM nobody has staged, a policy or history that cannot be read and
    a database that is not there; `ReverseFunnelError` where Great Expectations is not installed.
    """
    policy = read_policy(project.seeds_dir)
    history = read_history(gate.state)
    described = {crm: read_sources(project.project_dir, crm, project.vars) for crm in gate.crms}
    load_great_expectations()
    expected: list[Expected] = []
    frames: dict[str, dict[str, Any]] = {}
    seen: list[Landscape] = []
    info = project.connection()
    with raw_database(info) as database:
        for crm, tables in described.items():
            say(f"measuring {crm}")
            landscape = _landscape(database, gate, crm, tables, project, history, info.describe())
            asked = expectations(landscape, _accepting(policy, gate))
            expected += asked
            frames.update(_frames(landscape, asked))
            seen.append(landscape)
    failed = _worst(judge(expected, frames, gate.output, say))
    moments = {landscape.crm: landscape.moment for landscape in seen}
    result = GateResult(
        failed=failed,
        asked=len(expected),
        tables=sum(len(landscape.landed) for landscape in seen),
        report=write_first_page(gate.output, expected, failed, moments),
    )
    if not result.stops():
        for landscape in seen:
            load = _load(landscape.landed)
            history = history.with_run(run_lines(info.describe(), load, landscape.landed.values()))
        write_history(gate.state, history)
    return result


def _landscape(
    database: RawDatabase,
    gate: Gate,
    crm: str,
    tables: tuple[Any, ...],
    project: DbtProject,
    history: History,
    place: str,
) -> Landscape:
    """Measure the raw tables of a CRM."""
    schema = tables[0].schema
    found = database.tables(schema)
    landed = {
        table.name: land(database, table, found[table.name])
        for table in tables
        if table.name in found
    }
    loads = [table.loaded_at for table in landed.values() if table.loaded_at]
    latest = max(loads, default=None)
    known = known_values(
        database,
        landed,
        _seed_values(project.seeds_dir, crm),
        str(project.vars.get("corporate_currency", "USD")),
    )
    absurd = float(project.vars.get("absurd_amount", 1e9))
    possible_days = (
        date.fromisoformat(str(project.vars.get("calendar_first_day", "1990-01-01"))),
        date.fromisoformat(str(project.vars.get("calendar_last_day", "2099-12-31"))),
    )
    measurer = Measurer(database, landed, known, absurd, possible_days)
    return Landscape(
        crm=crm,
        tables=tables,
        landed=landed,
        measures=tuple(m for table in landed.values() for m in measurer.measures(table, latest)),
        history=history.of(place, schema),
        moment=_moment(gate.as_of, latest),
    )


def _load(landed: Mapping[str, Landed]) -> str:
    """Return the latest load of a CRM as text, which names the run."""
    loads = [table.loaded_at for table in landed.values() if table.loaded_at]
    return f"{max(loads):%Y-%m-%dT%H:%M:%S}" if loads else "unknown"


def _moment(as_of: date | str | None, latest: datetime | None) -> datetime:
    """Return the moment that freshness is measured against, UTC without a zone."""
    if as_of == "latest" and latest is not None:
        return latest
    if isinstance(as_of, date):
        return datetime.combine(as_of, time()) + timedelta(days=1)
    return datetime.now(UTC).replace(tzinfo=None)


def _accepting(policy: Policy, gate: Gate) -> Policy:
    if not gate.accept_volume:
        return policy
    return Policy(tuple(rule for rule in policy.rules if rule.check not in VOLUME_CHECKS))


def _frames(landscape: Landscape, asked: list[Expected]) -> dict[str, dict[str, Any]]:
    """Return page → column → value: what is there, and what was counted."""
    frames: dict[str, dict[str, Any]] = {
        landscape.crm: {name: landed.rows for name, landed in landscape.landed.items()}
    }
    for name, landed in landscape.landed.items():
        frames[f"{landscape.crm}.{name}"] = {
            column: landed.family(column) for column in landed.types
        }
    for one in asked:
        if one.measure is not None:
            frames[one.page][measured_name(one)] = one.measure.value
    return frames


def _worst(failed: list[Expected]) -> tuple[Expected, ...]:
    """Keep of each check of a column only the failure that weighs most; stops come first."""
    worst: dict[tuple[str, ...], Expected] = {}
    for one in sorted(failed, key=lambda one: one.severity != "stop"):
        worst.setdefault((one.crm, one.table, one.column, one.check.name), one)
    return tuple(worst.values())


def _seed_values(seeds_dir: Path, crm: str) -> dict[str, set[str]]:
    """Return mapping → the values of the CRM that it knows."""
    known = {}
    for seed, column in _VALUES_IN.items():
        path = seeds_dir / "mappings" / f"{seed}.csv"
        if not path.is_file():
            raise InputError(
                Fault(
                    file=short_path(path),
                    problem="not found",
                    remedy="restore the seed; var and environment say where the seeds are",
                )
            )
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        if rows and not {"crm", column} <= rows[0].keys():
            raise InputError(
                Fault(
                    file=short_path(path),
                    problem=f"has no columns crm and {column}",
                    remedy="restore the header of the seed",
                )
            )
        known[seed] = {row[column].strip() for row in rows if row["crm"] == crm}
    return known
