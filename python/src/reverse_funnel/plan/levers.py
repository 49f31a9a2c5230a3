"""What if: one lever at a time, and how far each must be moved for the numbers to work.

Scenarios are for talking about. They change no seed, and no plan is ever made from one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from reverse_funnel.errors import Fault, InputError
from reverse_funnel.plan.kernels import mean_lag, stretched
from reverse_funnel.plan.make import Problem
from reverse_funnel.plan.model import MONTHS_IN_YEAR, BoolArray, CellAssumptions, FloatArray
from reverse_funnel.plan.months import month_of_next
from reverse_funnel.plan.solve import forward
from reverse_funnel.plan.standing import creation_to_come

LEVERS = ("win_rate", "amount", "volume", "cycle")
# Beyond a change by this factor nobody will believe it.
FURTHEST = 8.0
_CHANGE = re.compile(r"([+-]?\d+(?:\.\d+)?)(pt|%)")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one lever: to `factor` times what it is, then by `points` (shares only)."""

    factor: float = 1.0
    points: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Levers that are moved together; a mix names sources and their share of creation."""

    win_rate: Change = Change()
    amount: Change = Change()
    volume: Change = Change()
    cycle: Change = Change()
    mix: Mapping[str, float] | None = None

    @property
    def label(self) -> str:
        """What is changed, for the head of a table."""
        parts = []
        for lever in LEVERS:
            change: Change = getattr(self, lever)
            if change.factor != 1:
                parts.append(f"{lever} {change.factor - 1:+.1%}")
            if change.points:
                parts.append(f"{lever} {100 * change.points:+.1f} pt")
        parts += [f"{source} {share:.0%}" for source, share in (self.mix or {}).items()]
        return "scenario: " + (", ".join(parts) or "nothing changed")


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A scenario beside the assumptions as they are, by month of the plan, arrays (T,).

    `bookings` and `changed_bookings` come of pipeline created as it is now; `needed` and
    `changed_needed` are the opportunities the goals ask for.
    """

    goal: FloatArray
    bookings: FloatArray
    changed_bookings: FloatArray
    needed: FloatArray
    changed_needed: FloatArray


@dataclass(frozen=True, slots=True)
class Belief:
    """What one lever would have to become for the goals to be met, all else staying as it is.

    `factor` is None where no change that anybody would believe is enough.
    """

    lever: str
    now: float
    factor: float | None


def parse_change(lever: str, text: str) -> Change:
    """Read `+2pt`, `-10%`, `5%`; `InputError` for anything else."""
    match = _CHANGE.fullmatch(text.replace(" ", ""))
    change = None
    if match:
        number, unit = float(match[1]), match[2]
        if unit == "%" and number > -100:
            change = Change(factor=1 + number / 100)
        elif unit == "pt" and lever == "win_rate":
            change = Change(points=number / 100)
    if change is None:
        raise InputError(
            Fault(
                problem=f"{text!r} is no change of the {lever.replace('_', ' ')}",
                remedy="write a percentage above -100%, such as +5%"
                + (", or percentage points such as +2pt" if lever == "win_rate" else ""),
            )
        )
    return change


def parse_mix(text: str, sources: set[str]) -> dict[str, float]:
    """Read `marketing=40%,alliances=10%`; `InputError` for unknown sources and sums above 1."""
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        match = re.fullmatch(r"(\d+(?:\.\d+)?)%", share.strip())
        if name.strip() not in sources or not match:
            raise InputError(
                Fault(
                    problem=f"{part!r} is no share of a source",
                    remedy=f"write such as marketing=40%; sources are {', '.join(sorted(sources))}",
                )
            )
        mix[name.strip()] = float(match[1]) / 100
    if sum(mix.values()) > 1:
        raise InputError(Fault(problem=f"the shares of {text!r} exceed 100 %"))
    return mix


def apply(assumptions: CellAssumptions, scenario: Scenario) -> CellAssumptions:
    """Return the assumptions with a scenario's win rate, amount, cycle and mix; not its volume."""
    rate = assumptions.win_rate.value * scenario.win_rate.factor + scenario.win_rate.points
    amount = assumptions.won_amount.value * scenario.amount.factor
    kernel = assumptions.kernel
    if scenario.cycle.factor != 1:
        kernel = stretched(np.nan_to_num(kernel), mean_lag(kernel) * scenario.cycle.factor)
    return replace(
        assumptions,
        win_rate=replace(assumptions.win_rate, value=np.clip(rate, 0.0, 1.0)),
        won_amount=replace(assumptions.won_amount, value=amount),
        kernel=kernel,
        mix=replace(assumptions.mix, value=_mix(assumptions, scenario.mix)),
    )


def _mix(assumptions: CellAssumptions, wanted: Mapping[str, float] | None) -> FloatArray:
    """Give the named sources their share in every goal cell, the others what is left as it was."""
    mix = assumptions.mix.value
    if not wanted:
        return mix
    names = np.array([cell.pipeline_source for cell in assumptions.cells])
    named: BoolArray = np.isin(names, list(wanted))
    goal_cells = len(assumptions.goal_cells)
    index = assumptions.goal_index

    def total(values: FloatArray) -> FloatArray:
        return np.asarray(
            np.bincount(index, weights=values, minlength=goal_cells)[index], dtype=np.float64
        )

    known = np.nan_to_num(mix)
    count = total(named.astype(np.float64))
    share = np.array([wanted.get(str(name), 0.0) for name in names])
    # Of a source with several cells in a goal cell, each keeps its part.
    same = sum(
        (
            np.where(names == name, total(np.where(names == name, known, 0.0)), 0.0)
            for name in wanted
        ),
        np.zeros_like(known),
    )
    own = np.where(same > 0, known / np.where(same > 0, same, 1.0), 1.0)
    given = np.where(named, share * own, 0.0)
    rest = total(np.where(named, 0.0, known))
    left = np.maximum(1.0 - total(given), 0.0)
    others = np.where(rest > 0, known / np.where(rest > 0, rest, 1.0) * left, 0.0)
    return np.where(count > 0, np.where(named, given, others), mix)


def creation_as_it_goes(problem: Problem) -> FloatArray:
    """Return (C, N) creation at the pace of the last twelve months, its growth and season."""
    timeline = problem.timeline
    count = creation_to_come(
        problem.standing_book,
        problem.assumptions,
        month_of_next(problem.book.as_of_date),
        timeline.first_month + np.arange(len(timeline.period)),
    )
    count[:, : timeline.first_free] = 0.0
    count[:, timeline.first_free] *= 1 - timeline.elapsed
    return count


def what_if(problem: Problem, scenario: Scenario) -> WhatIf:
    """Compare a scenario with the assumptions as they are."""
    months = problem.goals.goals.months
    changed = replace(problem, assumptions=apply(problem.assumptions, scenario))
    created = creation_as_it_goes(problem)
    otherwise = _spread(changed.assumptions, created) if scenario.mix else created
    needed, wanted = (
        np.nansum(each.to_create(each.solve(each.extended)), axis=0)[:months]
        for each in (problem, changed)
    )
    return WhatIf(
        goal=problem.goals.goals.amount.sum(axis=0),
        bookings=_bookings(problem, problem.assumptions, created),
        changed_bookings=_bookings(
            problem, changed.assumptions, otherwise * scenario.volume.factor
        ),
        needed=needed,
        changed_needed=wanted,
    )


def _spread(assumptions: CellAssumptions, created: FloatArray) -> FloatArray:
    """Divide what each goal cell creates by the mix of the assumptions."""
    index, goal_cells = assumptions.goal_index, len(assumptions.goal_cells)
    total = np.zeros((goal_cells, created.shape[1]))
    np.add.at(total, index, created)
    return assumptions.creation_share[:, np.newaxis] * total[index]


def _bookings(problem: Problem, assumptions: CellAssumptions, created: FloatArray) -> FloatArray:
    """Return (T,) bookings: what stands, and what comes of creation."""
    months = problem.goals.goals.months
    brought = forward(created, assumptions, problem.timeline.first_month)[:, :months]
    return np.asarray((problem.standing.bookings[:, :months] + brought).sum(axis=0))


def what_you_need_to_believe(problem: Problem) -> list[Belief]:
    """Return how far each lever must move for the coming months' goals to be met.

    Creation goes on as it has. Up to twelve months from today, or to the last with a goal.
    """
    first = problem.timeline.first_free
    ahead = slice(first, min(first + MONTHS_IN_YEAR, problem.goals.goals.months))
    goal = float(problem.goals.goals.amount.sum(axis=0)[ahead].sum())
    created = creation_as_it_goes(problem)
    assumptions = problem.assumptions

    def reached(lever: str) -> Callable[[float], float]:
        def bookings(factor: float) -> float:
            scenario = replace(Scenario(), **{lever: Change(factor=factor)})  # type: ignore[arg-type]
            count = created * scenario.volume.factor
            return float(_bookings(problem, apply(assumptions, scenario), count)[ahead].sum())

        return bookings

    weight = created.sum(axis=1) * (assumptions.yield_per_opportunity > 0)
    total = weight.sum()

    def mean(values: FloatArray) -> float:
        return float((np.nan_to_num(values) * weight).sum() / total) if total > 0 else np.nan

    now = {
        "win_rate": mean(assumptions.win_rate.value),
        "amount": mean(assumptions.won_amount.value),
        "volume": float(created[:, ahead].sum()),
        "cycle": mean(mean_lag(assumptions.kernel)),
    }
    return [
        Belief(lever, now[lever], factor_that_reaches(reached(lever), goal, lever == "cycle"))
        for lever in LEVERS
    ]


def factor_that_reaches(
    bookings: Callable[[float], float], goal: float, falling: bool = False
) -> float | None:
    """Return the factor nearest to 1 with which bookings are the goal, by bisection.

    `bookings` rises with the factor, or falls. None where no factor up to `FURTHEST`, or down to
    1 ÷ `FURTHEST`, is enough.
    """
    low, high = 1 / FURTHEST, FURTHEST
    sign = -1.0 if falling else 1.0
    if sign * (bookings(high) - goal) < 0 or sign * (bookings(low) - goal) > 0:
        return None
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        if sign * (bookings(middle) - goal) < 0:
            low = middle
        else:
            high = middle
    return high
