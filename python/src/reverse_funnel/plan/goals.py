"""Reading finance's bookings goals: seeds/finance/bookings_goals.csv, checked row by row.

A goals file may hold several versions; a plan is made from one. Every row must parse; the rows of
the chosen version must moreover use known names and one currency, repeat nothing, and leave no
month out. All faults are reported together, each with its row and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from reverse_funnel.errors import Fault, InputError, raise_if
from reverse_funnel.plan.model import ALL, UNMAPPED, GoalCell, Goals
from reverse_funnel.plan.months import first_day, month_of
from reverse_funnel.plan.seed_rows import (
    FirstOfMonth,
    IsoDate,
    Name,
    parse_rows,
    read_csv_rows,
    unknown_name,
)

GOALS_FILE = Path("finance") / "bookings_goals.csv"

# Where the names of each goal dimension are defined: seed file below mappings/, and its column.
VOCABULARIES = {
    "segment": ("segment_rules.csv", "segment"),
    "deal_type": ("deal_type_map.csv", "deal_type"),
    "territory": ("territory_map.csv", "territory"),
}


class GoalRow(BaseModel):
    """One row of bookings_goals.csv."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    fiscal_month: FirstOfMonth
    segment: Name
    deal_type: Name
    territory: Name
    bookings_goal: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    version: Name
    approved_at: IsoDate
    approved_by: Name

    @property
    def cell(self) -> GoalCell:
        """The goal cell as finance names it."""
        return GoalCell(self.segment, self.deal_type, self.territory)


_REMEDIES = {
    "fiscal_month": "write the first day of the month, such as 2026-07-01",
    "bookings_goal": "write a plain non-negative number with at most two decimals, such as "
    "250000.00; 0 is a valid goal",
    "currency": "write a three-letter code such as USD",
    "version": "name the version of the goals, such as FY2026",
    "approved_at": "write the day of approval, such as 2025-12-10",
    "approved_by": "name who approved the goals",
    **{dimension: f"name the {dimension} of this goal" for dimension in VOCABULARIES},
}


@dataclass(frozen=True, slots=True)
class GoalsVersion:
    """One approved version of the goals, checked.

    `goals` is what the solver reads: goals by planned dimension, months contiguous. `total` is
    exact.
    """

    version: str
    approved_at: date
    approved_by: str
    goals: Goals
    total: Decimal
    rows: tuple[GoalRow, ...]


def read_goals(
    seeds_dir: Path,
    *,
    corporate_currency: str,
    plan_dimensions: Sequence[str],
    version: str | None = None,
) -> GoalsVersion:
    """Read and check one version of the goals.

    Parameters
    ----------
    seeds_dir
        Folder of the seeds.
    corporate_currency
        The currency that every goal must be in.
    plan_dimensions
        The dimensions targets are set by. Goals are summed over one that is not among them.
    version
        The version to read; by default the one approved last.

    Raises `InputError` with every fault found; nothing is repaired silently.

    """
    path = seeds_dir / GOALS_FILE
    numbered = parse_rows(path, GoalRow, _REMEDIES)
    if not numbered:
        raise InputError(
            Fault(file=path, problem="holds no goal", remedy="add a row for each month and cell")
        )
    chosen = _choose_version(path, numbered, version)
    numbered = {row: goal for row, goal in numbered.items() if goal.version == chosen}
    vocabularies = read_vocabularies(seeds_dir, plan_dimensions)
    raise_if(
        [
            *_unknown_names(path, numbered, vocabularies),
            *_foreign_currencies(path, numbered, corporate_currency),
            *_several_approvals(path, numbered),
            *(repeated := list(_repeated_rows(path, numbered))),
            *([] if repeated else _missing_months(path, numbered)),
        ]
    )
    rows = tuple(numbered.values())
    return GoalsVersion(
        version=chosen,
        approved_at=rows[0].approved_at,
        approved_by="; ".join(sorted({row.approved_by for row in rows})),
        goals=_tabulate(rows, plan_dimensions),
        total=sum((row.bookings_goal for row in rows), Decimal(0)),
        rows=rows,
    )


def read_vocabularies(
    seeds_dir: Path, plan_dimensions: Sequence[str]
) -> dict[str, tuple[str, frozenset[str]]]:
    """Return, by dimension, the seed that defines its names and the names themselves."""
    vocabularies = {}
    for dimension, (file, column) in VOCABULARIES.items():
        path = seeds_dir / "mappings" / file
        rows, faults = read_csv_rows(path, (column,))
        raise_if(faults)
        names = {row[column] for row in rows.values() if row[column]}
        extra = {UNMAPPED} if dimension in plan_dimensions else {UNMAPPED, ALL}
        vocabularies[dimension] = (str(path), frozenset(names | extra))
    return vocabularies


def _choose_version(path: Path, rows: Mapping[int, GoalRow], wanted: str | None) -> str:
    approved: dict[str, date] = {}
    for row in rows.values():
        approved[row.version] = max(row.approved_at, approved.get(row.version, date.min))
    if wanted is not None:
        if wanted in approved:
            return wanted
        raise InputError(
            Fault(
                file=path,
                column="version",
                problem=f"has no goals of version {wanted!r}",
                remedy=f"use --goals-version with one of: {', '.join(sorted(approved))}",
            )
        )
    latest = max(approved.values())
    candidates = sorted(name for name, day in approved.items() if day == latest)
    if len(candidates) > 1:
        raise InputError(
            Fault(
                file=path,
                column="approved_at",
                problem=f"versions {', '.join(candidates)} were approved on the same day, {latest}",
                remedy="choose one with --goals-version",
            )
        )
    return candidates[0]


def _unknown_names(
    path: Path,
    rows: Mapping[int, GoalRow],
    vocabularies: Mapping[str, tuple[str, frozenset[str]]],
) -> Iterator[Fault]:
    for number, row in rows.items():
        for dimension, (source, names) in vocabularies.items():
            name = getattr(row, dimension)
            if name not in names:
                yield unknown_name(path, number, dimension, name, names, source)


def _foreign_currencies(
    path: Path, rows: Mapping[int, GoalRow], corporate_currency: str
) -> Iterator[Fault]:
    for number, row in rows.items():
        if row.currency != corporate_currency:
            yield Fault(
                file=path,
                row=number,
                column="currency",
                problem=f"{row.currency!r} is not the corporate currency {corporate_currency}",
                remedy=f"convert the goal to {corporate_currency}, or set var corporate_currency",
            )


def _several_approvals(path: Path, rows: Mapping[int, GoalRow]) -> Iterator[Fault]:
    first = next(iter(rows.values()))
    for number, row in rows.items():
        if row.approved_at != first.approved_at:
            yield Fault(
                file=path,
                row=number,
                column="approved_at",
                problem=f"{row.approved_at} differs from {first.approved_at}, the approval of the "
                f"other rows of version {row.version!r}",
                remedy="give goals approved later a version of their own, with all its rows",
            )


def _repeated_rows(path: Path, rows: Mapping[int, GoalRow]) -> Iterator[Fault]:
    seen: dict[tuple[date, GoalCell], int] = {}
    for number, row in rows.items():
        earlier = seen.setdefault((row.fiscal_month, row.cell), number)
        if earlier != number:
            yield Fault(
                file=path,
                row=number,
                column="fiscal_month",
                problem=f"repeats row {earlier}: {_describe(row.cell)} in {row.fiscal_month}",
                remedy="keep one of the two rows",
            )


def _missing_months(path: Path, rows: Mapping[int, GoalRow]) -> Iterator[Fault]:
    months = [month_of(row.fiscal_month) for row in rows.values()]
    horizon = range(min(months), max(months) + 1)
    by_cell: dict[GoalCell, dict[int, int]] = {}
    for number, row in rows.items():
        by_cell.setdefault(row.cell, {})[month_of(row.fiscal_month)] = number
    for cell, given in by_cell.items():
        for month in horizon:
            if month in given:
                continue
            # The row the missing one belongs after; before the cell's first, that first row.
            earlier = [other for other in given if other < month]
            yield Fault(
                file=path,
                row=given[max(earlier)] if earlier else given[min(given)],
                column="fiscal_month",
                problem=f"no goal for {_describe(cell)} in {first_day(month)}",
                remedy="add a row for that month; 0 is a valid goal",
            )


def _describe(cell: GoalCell) -> str:
    return " / ".join(cell)


def _tabulate(rows: Iterable[GoalRow], plan_dimensions: Sequence[str]) -> Goals:
    """Sum the goals into (G, T) by planned dimensions, cells in sorted order."""
    amounts: dict[tuple[GoalCell, int], Decimal] = {}
    for row in rows:
        key = planned(row.cell, plan_dimensions), month_of(row.fiscal_month)
        amounts[key] = amounts.get(key, Decimal(0)) + row.bookings_goal
    cells = sorted({cell for cell, _ in amounts})
    months = sorted({month for _, month in amounts})
    amount = np.array([[float(amounts[cell, month]) for month in months] for cell in cells])
    return Goals(cells=tuple(cells), first_month=months[0], amount=amount)


def planned(cell: GoalCell, plan_dimensions: Sequence[str]) -> GoalCell:
    """Return the goal cell with `all` in every dimension that is not planned by."""
    return GoalCell(
        *(
            name if dimension in plan_dimensions else ALL
            for dimension, name in zip(GoalCell._fields, cell, strict=True)
        )
    )
