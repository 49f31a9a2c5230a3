"""Reading finance's bookings goals: seeds/finance/bookings_goals.csv, checked row by row.

A goals file holds as many versions as finance has approved. A plan is made from the goals in force
as of its day, month by month (module `in_force`), or from versions asked for by name. Every row
must parse; the versions that are read must moreover use known names and one currency, repeat
nothing, and leave no month out. All faults are reported together, each with its row and column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from reverse_funnel.errors import Fault, InputError, raise_if
from reverse_funnel.plan.in_force import (
    refuse_gaps,
    refuse_ties,
    refuse_without_goals_to_come,
    versions_in_force,
)
from reverse_funnel.plan.model import ALL, UNMAPPED, GoalCell, Goals
from reverse_funnel.plan.months import first_day, month_of, month_of_next, start_of_year
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

# Between the names of several versions, where they are written as one text.
AND = "; "


def _version_name(value: Any) -> Any:
    if AND[0] in str(value):
        raise ValueError("holds a semicolon, which stands between the names of versions")
    return value


VersionName = Annotated[Name, BeforeValidator(_version_name)]


class GoalRow(BaseModel):
    """One row of bookings_goals.csv."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    fiscal_month: FirstOfMonth
    segment: Name
    deal_type: Name
    territory: Name
    bookings_goal: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    version: VersionName
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
class ApprovedGoals:
    """The goals a plan is made from, checked: of one version, or month by month of several.

    `version` names the versions in the order of their months, joined by `AND`; `approved_at` is the
    last of their approvals. `goals` is what the solver reads: goals by planned dimension, months
    contiguous, 0 where the version of a month has no goal for a cell. `total` is exact.
    """

    version: str
    approved_at: date
    approved_by: str
    goals: Goals
    total: Decimal
    rows: tuple[GoalRow, ...]


@dataclass(frozen=True, slots=True)
class GoalsFile:
    """A goals file whose rows all parse, and what is needed to check and choose among them.

    Attributes
    ----------
    seeds_dir
        Folder of the seeds.
    rows
        The rows by line number.
    corporate_currency
        The currency that every goal must be in.
    plan_dimensions
        The dimensions targets are set by. Goals are summed over one that is not among them.
    fiscal_year_start_month
        1 to 12.

    """

    seeds_dir: Path
    rows: Mapping[int, GoalRow]
    corporate_currency: str
    plan_dimensions: tuple[str, ...]
    fiscal_year_start_month: int = 1

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.seeds_dir / GOALS_FILE

    def in_force(self, as_of: date) -> ApprovedGoals:
        """Return the goals in force as of a day, from the fiscal year of the day after on.

        For each month they are those of the version approved last by then (`versions_in_force`).
        Raises `InputError` where none of a month to come is in force, where two versions of a month
        were approved on one day, where a month between two others has no goal, and with every fault
        of the versions that are in force.
        """
        months = self._months_of_versions()
        found = versions_in_force(months, as_of)
        refuse_without_goals_to_come(self.path, months, found, as_of)
        first = start_of_year(month_of_next(as_of), self.fiscal_year_start_month)
        ahead = {month: names for month, names in found.items() if month >= first}
        refuse_ties(self.path, months, ahead)
        return self._approved({month: names[-1] for month, names in ahead.items()})

    def named(self, names: str) -> ApprovedGoals:
        """Return all goals of a version, or of several joined by `AND`, whenever approved.

        Where several have goals of a month, those approved last count. Raises `InputError` for a
        name that no version has, and otherwise as `in_force`.
        """
        wanted, months = names.split(AND), self._months_of_versions()
        known = sorted({version for _, version in months})
        if unknown := [name for name in wanted if name not in known]:
            raise InputError(
                Fault(
                    file=self.path,
                    column="version",
                    problem=f"has no goals of version {unknown[0]!r}",
                    remedy=f"use --goals-version with one of: {', '.join(known)}",
                )
            )
        found = versions_in_force(
            {key: approved for key, approved in months.items() if key[1] in wanted}, date.max
        )
        refuse_ties(self.path, months, found)
        return self._approved({month: versions[-1] for month, versions in found.items()})

    def check_the_last(self) -> None:
        """Raise `InputError` with every fault of the version approved last for the last month.

        For where no warehouse says as of which day goals are wanted.
        """
        found = versions_in_force(self._months_of_versions(), date.max)
        self._check(found[max(found)][-1:])

    def _months_of_versions(self) -> dict[tuple[int, str], date]:
        """Return when each version's goals of a month were approved: all of them, so the last."""
        approved: dict[tuple[int, str], date] = {}
        for row in self.rows.values():
            key = month_of(row.fiscal_month), row.version
            approved[key] = max(row.approved_at, approved.get(key, date.min))
        return approved

    def _approved(self, version_of: Mapping[int, str]) -> ApprovedGoals:
        """Check the versions, and return the goals of each month from the one given for it."""
        versions = tuple(dict.fromkeys(version_of[month] for month in sorted(version_of)))
        self._check(versions)
        refuse_gaps(self.path, version_of)
        rows = tuple(
            row
            for row in self.rows.values()
            if version_of.get(month_of(row.fiscal_month)) == row.version
        )
        return ApprovedGoals(
            version=AND.join(versions),
            approved_at=max(row.approved_at for row in rows),
            approved_by=AND.join(sorted({row.approved_by for row in rows})),
            goals=_tabulate(rows, self.plan_dimensions),
            total=sum((row.bookings_goal for row in rows), Decimal(0)),
            rows=rows,
        )

    def _check(self, versions: Collection[str]) -> None:
        """Raise `InputError` with every fault of these versions, those of the first row first."""
        vocabularies = read_vocabularies(self.seeds_dir, self.plan_dimensions)
        faults: list[Fault] = []
        for version in versions:
            rows = {number: row for number, row in self.rows.items() if row.version == version}
            repeated = list(_repeated_rows(self.path, rows))
            faults += [
                *_unknown_names(self.path, rows, vocabularies),
                *_foreign_currencies(self.path, rows, self.corporate_currency),
                *_several_approvals(self.path, rows),
                *repeated,
                *([] if repeated else _missing_months(self.path, rows)),
            ]
        raise_if(faults)


def read_goals(
    seeds_dir: Path,
    *,
    corporate_currency: str,
    plan_dimensions: Sequence[str],
    fiscal_year_start_month: int = 1,
) -> GoalsFile:
    """Read the goals file; parameters as the attributes of `GoalsFile`.

    Raises `InputError` with every cell that does not parse, and where there is no row; nothing is
    repaired silently.
    """
    path = seeds_dir / GOALS_FILE
    rows = parse_rows(path, GoalRow, _REMEDIES)
    if not rows:
        raise InputError(
            Fault(file=path, problem="holds no goal", remedy="add a row for each month and cell")
        )
    return GoalsFile(
        seeds_dir, rows, corporate_currency, tuple(plan_dimensions), fiscal_year_start_month
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
    """Sum the goals into (G, T) by planned dimensions, cells in sorted order; 0 for none."""
    amounts: dict[tuple[GoalCell, int], Decimal] = {}
    for row in rows:
        key = planned(row.cell, plan_dimensions), month_of(row.fiscal_month)
        amounts[key] = amounts.get(key, Decimal(0)) + row.bookings_goal
    cells = sorted({cell for cell, _ in amounts})
    months = sorted({month for _, month in amounts})
    amount = np.array(
        [[float(amounts.get((cell, month), 0)) for month in months] for cell in cells]
    )
    return Goals(cells=tuple(cells), first_month=months[0], amount=amount)


def planned(cell: GoalCell, plan_dimensions: Sequence[str]) -> GoalCell:
    """Return the goal cell with `all` in every dimension that is not planned by."""
    return GoalCell(
        *(
            name if dimension in plan_dimensions else ALL
            for dimension, name in zip(GoalCell._fields, cell, strict=True)
        )
    )
