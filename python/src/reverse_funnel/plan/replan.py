"""Planning anew within the year: what becomes of a shortfall, and what it costs that it comes late.

A plan that replaces another is a vintage of its own for the months to come. Four policies say what
a shortfall of pipeline created, target less actual, does to later targets
(docs/methods/targets.md):

    none            nothing
    next            the next month owes it, and passes on what it leaves open
    spread          the rest of the fiscal year shares it, in proportion to its targets
    deadline_aware  the goals are solved for anew, given what was created; what no creation can
                    bring in time any more is reported as unreachable, not hidden in a monster
                    December

`surplus_credit` is the share of a surplus that lowers later targets: 0 never does, 1 in full.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from reverse_funnel.errors import Fault, InputError
from reverse_funnel.plan.make import QUALIFIED, CarryOver, Plan, Problem, finish
from reverse_funnel.plan.model import MONTHS_IN_YEAR, Cell, Creation, FloatArray, Standing
from reverse_funnel.plan.months import month_of_text
from reverse_funnel.plan.solve import forward
from reverse_funnel.plan.sums import by_goal_cell
from reverse_funnel.plan.targets import TARGETS_FILE, VERSIONS_FILE
from reverse_funnel.plan.vintages import TARGETS_DIR

POLICIES = ("none", "next", "spread", "deadline_aware")
DEFAULT_POLICY = "deadline_aware"


@dataclass(frozen=True, slots=True)
class BasePlan:
    """A plan on record: its qualified targets by cell and month, and the goals it was made from."""

    version: str
    goals_version: str
    targets: Mapping[tuple[Cell, int], float]


def read_base(seeds_dir: Path, version: str) -> BasePlan:
    """Read a vintage from the seeds; `InputError` where there is none of that name."""
    folder = seeds_dir / TARGETS_DIR
    versions = {row["plan_version"]: row for row in seed_rows(folder / VERSIONS_FILE)}
    if version not in versions:
        known = ", ".join(sorted(versions)) or "none yet"
        raise InputError(
            Fault(
                file=folder / VERSIONS_FILE,
                column="plan_version",
                problem=f"there is no plan {version!r}",
                remedy=f"name one with --base: {known}",
            )
        )
    return BasePlan(
        version=version,
        goals_version=versions[version]["goals_version"],
        targets={
            (
                Cell(*(row[name] for name in Cell._fields)),
                month_of_text(row["fiscal_month"]),
            ): float(row["target_count"])
            for row in seed_rows(folder / TARGETS_FILE)
            if row["plan_version"] == version
            and row["funnel_step"] == QUALIFIED
            and row["target_count"]
        },
    )


def seed_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a seed as text; none where there is no file yet."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def replan(
    problem: Problem, base: BasePlan, *, policy: str = DEFAULT_POLICY, surplus_credit: float = 1.0
) -> Plan:
    """Plan the months to come, given what the base plan asked for and what was created.

    Parameters
    ----------
    problem
        Goals, assumptions and what stands today.
    base
        The plan that is replaced; it covers the months gone by as far as it goes.
    policy
        One of `POLICIES`.
    surplus_credit
        Share of a surplus that lowers later targets, 0 to 1.

    """
    planned = _planned(problem, base)
    if policy == "deadline_aware":
        count, lateness = _solve_anew(problem, planned, surplus_credit)
    else:
        count = carried_forward(
            planned,
            problem.standing.created,
            problem.timeline.first_free,
            months_left_of_year(problem),
            policy,
            surplus_credit,
        )
        lateness = np.zeros_like(count)
    solved = problem.solve(problem.extended)
    width = solved.count.shape[1]
    creation = _with_count(problem, solved, count[:, :width])
    months = problem.goals.goals.months
    return finish(
        problem,
        creation,
        CarryOver(
            base_version=base.version,
            policy=policy,
            surplus_credit=surplus_credit,
            carried=(count - planned)[:, :months],
            lateness=lateness[:, :months],
        ),
    )


def carried_forward(
    planned: FloatArray,
    created: FloatArray,
    first_free: int,
    left: int,
    policy: str,
    surplus_credit: float = 1.0,
) -> FloatArray:
    """Carry a shortfall into later targets by a rule.

    Parameters
    ----------
    planned, created
        (C, N) targets of the base plan, and what was created.
    first_free
        The months before are gone.
    left
        Months of the fiscal year that are left, from `first_free` on; 0 where a new year begins.
    policy
        none, next or spread.
    surplus_credit
        Share of a surplus that counts.

    Returns
    -------
    (C, N) targets: of months gone by those of the base plan, never below 0.

    """
    targets = planned.copy()
    if policy == "next" and first_free < planned.shape[1]:
        debt = np.zeros(planned.shape[0])
        for month in range(first_free):
            debt = planned[:, month] + debt - created[:, month]
            debt = np.where(debt < 0, surplus_credit * debt, debt)
        targets[:, first_free] += debt
    if policy == "spread" and left > 0:
        year = slice(first_free + left - MONTHS_IN_YEAR, first_free)
        begun = slice(max(year.start, 0), first_free)
        debt = (planned[:, begun] - created[:, begun]).sum(axis=1, keepdims=True)
        debt = np.where(debt < 0, surplus_credit * debt, debt)
        rest = planned[:, first_free : first_free + left]
        total = rest.sum(axis=1, keepdims=True)
        share = np.where(total > 0, rest / np.where(total > 0, total, 1.0), 1.0 / left)
        targets[:, first_free : first_free + left] += debt * share
    result: FloatArray = np.maximum(targets, 0.0)
    return result


def months_left_of_year(problem: Problem) -> int:
    """Return how many months of the running fiscal year are to come; 0 where a new one begins."""
    start = problem.settings.fiscal_year_start_month
    first = problem.timeline.first_month + problem.timeline.first_free
    gone_in_year = (first - (start - 1)) % MONTHS_IN_YEAR
    return (MONTHS_IN_YEAR - gone_in_year) % MONTHS_IN_YEAR


def _planned(problem: Problem, base: BasePlan) -> FloatArray:
    """Return (C, N) the base plan's targets; where it has none, what is solved for without it."""
    first, span = problem.timeline.first_month, len(problem.timeline.period)
    position = {cell: index for index, cell in enumerate(problem.assumptions.cells)}
    planned = np.zeros((len(position), span))
    for (cell, month), count in base.targets.items():
        if cell in position and 0 <= month - first < span:
            planned[position[cell], month - first] = count
    return planned


def _solve_anew(
    problem: Problem, planned: FloatArray, surplus_credit: float
) -> tuple[FloatArray, FloatArray]:
    """Return (C, N) targets solved for anew, and the part of them that lateness costs.

    The cost is what the same goals ask for beyond the shortfall itself, beside a year in which
    everything had been created in time.
    """
    gone, index = problem.timeline.first_free, problem.assumptions.goal_index
    goal_cells = len(problem.assumptions.goal_cells)
    reference = by_goal_cell(planned, index, goal_cells)
    missed = np.zeros_like(planned)
    missed[:, :gone] = planned[:, :gone] - problem.standing.created[:, :gone]
    brought = forward(missed, problem.assumptions, problem.timeline.first_month)
    in_time = problem.standing.bookings + brought[:, : planned.shape[1]]
    anew, punctual = (
        _solved(problem, replace(problem.standing, bookings=bookings, reference=reference))
        for bookings in (problem.standing.bookings, in_time)
    )
    change = anew - planned
    change[:, :gone] = 0.0
    counted = np.where(change < 0, surplus_credit * change, change)
    targets = planned + counted
    because = np.maximum(anew - punctual, 0.0)
    because[:, :gone] = 0.0
    months = problem.goals.goals.months
    because[:, months:] = 0.0
    more = by_goal_cell((anew - punctual)[:, gone:months], index, goal_cells).sum(axis=1)
    owed = by_goal_cell(missed, index, goal_cells).sum(axis=1)
    excess = np.where(owed > 0, np.maximum(more - owed, 0.0), 0.0)
    total = by_goal_cell(because, index, goal_cells).sum(axis=1)
    share = np.where(total > 0, excess / np.where(total > 0, total, 1.0), 0.0)
    return targets, because * share[index][:, np.newaxis]


def _solved(problem: Problem, standing: Standing) -> FloatArray:
    """Return (C, N) what another standing asks for; 0 beyond the months of creation."""
    count = replace(problem, standing=standing).solve(problem.extended).count
    span = len(problem.timeline.period)
    return np.pad(np.nan_to_num(count), ((0, 0), (0, span - count.shape[1])))


def _with_count(problem: Problem, solved: Creation, count: FloatArray) -> Creation:
    """Return a creation of these counts, and the bookings that come of it."""
    kept = np.where(np.isnan(solved.count), np.nan, count)
    gone = problem.timeline.first_free
    kept[:, :gone] = problem.standing.created[:, :gone]
    to_create = np.maximum(np.nan_to_num(kept) - problem.standing.created[:, : kept.shape[1]], 0.0)
    to_create[:, :gone] = 0.0
    brought = forward(to_create, problem.assumptions, problem.timeline.first_month)
    bookings = problem.standing.bookings.copy()
    width = min(bookings.shape[1], brought.shape[1])
    bookings[:, :width] += brought[:, :width]
    return replace(solved, count=kept, bookings=bookings)
