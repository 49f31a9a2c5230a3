"""Why two vintages differ: the goals, the rates, the lags, the amounts, the mix, or what happened.

Today's solver is run from the earlier vintage's goals and assumptions to the later one's,
changing one cause at a time in a fixed order; each cause is charged with what changes when it
does. What stood in the books when the earlier plan was made is not on record, so both ends are
solved with what stands now, and the difference that remains is what has happened since. The
causes add up to the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from reverse_funnel.plan.assumptions import Assumption, AssumptionBook
from reverse_funnel.plan.goals import ApprovedGoals, read_goals
from reverse_funnel.plan.make import PlanSettings, pose
from reverse_funnel.plan.model import Cell, FloatArray
from reverse_funnel.plan.replan import BasePlan, read_base, seed_rows
from reverse_funnel.plan.standing import StandingBook
from reverse_funnel.plan.targets import ASSUMPTIONS_FILE, VERSIONS_FILE
from reverse_funnel.plan.vintages import TARGETS_DIR

# In the order in which they are changed. A parameter that is in none changes nothing here.
CAUSES: Mapping[str, tuple[str, ...]] = {
    "goal": (),
    "rate": ("win_rate",),
    "lag": ("days_qualified_to_won", "kernel_qualified_to_won", "closing_seasonality"),
    "amount": ("won_amount", "amount_at_qualification"),
    "mix": ("source_mix", "creation_seasonality"),
}
SINCE = "actuals"


@dataclass(frozen=True, slots=True)
class Change:
    """What a cause did to the target counts of a segment, over the months both plans cover."""

    segment: str
    cause: str
    count: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Two vintages side by side.

    `before` and `after` are target counts by segment over the months from `first` to `last` that
    both cover; `changes` sums to their difference in every segment.
    """

    first: int
    last: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    changes: tuple[Change, ...]


def diff(
    seeds_dir: Path,
    earlier: str,
    later: str,
    settings: PlanSettings,
    standing: StandingBook,
    corporate_currency: str,
) -> Difference:
    """Compare two vintages on record; `InputError` where one of them is not there."""
    base, other = read_base(seeds_dir, earlier), read_base(seeds_dir, later)
    shared = sorted({month for _, month in base.targets} & {month for _, month in other.targets})
    books = [_recorded_book(seeds_dir, plan.version) for plan in (base, other)]
    goals = [
        read_goals(
            seeds_dir,
            corporate_currency=corporate_currency,
            plan_dimensions=settings.plan_dimensions,
        ).named(plan.goals_version)
        for plan in (base, other)
    ]
    segments = sorted({cell.segment for cell, _ in [*base.targets, *other.targets]})
    totals = [_by_segment(plan, shared, segments) for plan in (base, other)]
    solved = [
        _solve(goal, book, settings, standing, shared, segments)
        for goal, book in _steps(goals, books, books[1].as_of_date)
    ]
    changes = [
        Change(segment, cause, float(solved[step + 1][at] - solved[step][at]))
        for at, segment in enumerate(segments)
        for step, cause in enumerate(CAUSES)
    ]
    explained = solved[-1] - solved[0]
    changes += [
        Change(segment, SINCE, float(totals[1][at] - totals[0][at] - explained[at]))
        for at, segment in enumerate(segments)
    ]
    return Difference(
        first=shared[0] if shared else 0,
        last=shared[-1] if shared else -1,
        before=dict(zip(segments, totals[0].tolist(), strict=True)),
        after=dict(zip(segments, totals[1].tolist(), strict=True)),
        changes=tuple(changes),
    )


def _steps(
    goals: Sequence[ApprovedGoals], books: Sequence[AssumptionBook], as_of: date
) -> Iterator[tuple[ApprovedGoals, AssumptionBook]]:
    """Yield goals and assumptions on the way from the first to the second, as of one day."""
    changed: set[str] = set()
    yield goals[0], mixed_book(books[0], books[1], changed, as_of)
    for parameters in CAUSES.values():
        changed |= set(parameters)
        yield goals[1], mixed_book(books[0], books[1], changed, as_of)


def mixed_book(
    earlier: AssumptionBook, later: AssumptionBook, changed: set[str], as_of: date
) -> AssumptionBook:
    """Return the earlier assumptions with some parameters of the later ones."""
    entries = [entry for entry in earlier.entries if entry.parameter not in changed]
    entries += [entry for entry in later.entries if entry.parameter in changed]
    return AssumptionBook(as_of_date=as_of, entries=tuple(entries))


def _solve(
    goals: ApprovedGoals,
    book: AssumptionBook,
    settings: PlanSettings,
    standing: StandingBook,
    months: Sequence[int],
    segments: Sequence[str],
) -> FloatArray:
    """Return the count asked for in these months, by segment."""
    problem = pose(goals, book, settings, standing)
    count = np.nan_to_num(problem.solve(problem.extended).count)
    first = problem.timeline.first_month
    columns = [month - first for month in months if 0 <= month - first < count.shape[1]]
    by_cell = count[:, columns].sum(axis=1)
    of_cell = np.array([cell.segment for cell in problem.assumptions.cells])
    return np.array([by_cell[of_cell == segment].sum() for segment in segments])


def _by_segment(plan: BasePlan, months: Sequence[int], segments: Sequence[str]) -> FloatArray:
    wanted = set(months)
    totals = dict.fromkeys(segments, 0.0)
    for (cell, month), count in plan.targets.items():
        if month in wanted:
            totals[cell.segment] += count
    return np.array([totals[segment] for segment in segments])


def _recorded_book(seeds_dir: Path, version: str) -> AssumptionBook:
    """Return what a vintage believed, from plan_assumptions.csv."""
    folder = seeds_dir / TARGETS_DIR
    entries = tuple(
        Assumption(
            parameter=row["parameter"],
            cell=Cell(*(row[name] for name in Cell._fields)),
            value=_number(row["value"]),
            lower=_number(row["lower"]),
            upper=_number(row["upper"]),
            n=int(row["n"]) if row["n"] else None,
            method=row["method"],
            measured_level=row["measured_level"],
            source_level=row["source_level"],
            is_override=row["is_override"] == "true",
            month_number=int(row["month_number"]) if row["month_number"] else None,
        )
        for row in seed_rows(folder / ASSUMPTIONS_FILE)
        if row["plan_version"] == version
    )
    day = next(
        row["as_of_date"]
        for row in seed_rows(folder / VERSIONS_FILE)
        if row["plan_version"] == version
    )
    return AssumptionBook(as_of_date=date.fromisoformat(day), entries=entries)


def _number(text: str) -> float | None:
    return float(text) if text else None
