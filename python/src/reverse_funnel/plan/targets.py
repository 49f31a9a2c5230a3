"""The plan itself, and the seed tables it is published as.

`make_plan` is pure: goals and assumptions in, arrays out. The functions after it turn a plan into
rows of text, sorted and rounded, so that the same plan is always the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from reverse_funnel.plan.assumptions import DECIMALS, AssumptionBook, tabulate
from reverse_funnel.plan.goals import GoalsVersion
from reverse_funnel.plan.model import (
    ALL,
    FUNNEL_STEPS,
    UNMAPPED,
    Cell,
    CellAssumptions,
    Creation,
    FloatArray,
    Solver,
)
from reverse_funnel.plan.months import first_day
from reverse_funnel.plan.solve import extend_goals, fixed_lag, upstream_count

METHODS: Mapping[str, Solver] = MappingProxyType({"fixed_lag": fixed_lag})
CARRY_OVER_POLICY = "none"
QUALIFIED = FUNNEL_STEPS[-1]

TARGETS_FILE = "pipeline_targets.csv"
ASSUMPTIONS_FILE = "plan_assumptions.csv"
VERSIONS_FILE = "plan_versions.csv"
NEED_FILE = "current_need.csv"

NEED_HEADER = (
    "fiscal_month",
    *Cell._fields,
    "funnel_step",
    "target_count",
    "target_amount",
    "target_count_p80",
    "target_amount_p80",
    "unreachable_count",
    "unreachable_amount",
)
HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        TARGETS_FILE: ("plan_version", *NEED_HEADER),
        ASSUMPTIONS_FILE: (
            "plan_version",
            "parameter",
            *Cell._fields,
            "value",
            "lower",
            "upper",
            "n",
            "method",
            "measured_level",
            "source_level",
            "is_override",
        ),
        VERSIONS_FILE: (
            "plan_version",
            "as_of_date",
            "method",
            "goals_version",
            "goals_approved_at",
            "goals_approved_by",
            "inputs_hash",
            "first_month",
            "last_month",
            "carry_over_policy",
            "qualifying_stage",
            "bookings_goal",
        ),
        NEED_FILE: NEED_HEADER,
    }
)

TextRow = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """What a plan depends on besides goals and assumptions.

    `goal_growth` extends the goals beyond their last month, per year (0.1 for 10 %).
    """

    method: str = "fixed_lag"
    goal_growth: float = 0.0
    qualifying_stage: int = 2
    plan_dimensions: tuple[str, ...] = Cell._fields[:4]


@dataclass(frozen=True, slots=True)
class Plan:
    """Targets for every cell, step and month from the first to the last month with goals.

    Attributes
    ----------
    settings, goals, book
        What it was made from.
    assumptions
        The book as arrays, C cells and G goal cells.
    steps
        For each funnel step (C, T) counts; NaN where there is no target: the step, or the cell,
        is not measured, or the cell's goal is unreachable.
    amount
        (C, T) pipeline to create, in corporate currency.
    count_p80
        (C, T) qualified opportunities that reach the goal in 80 of 100 cases, where known.
    served_before
        (G, T) bookings goals served by pipeline created before the plan's first month.
    unreachable
        (G, T) bookings goals that no creation can serve.

    """

    settings: PlanSettings
    goals: GoalsVersion
    book: AssumptionBook
    assumptions: CellAssumptions
    steps: Mapping[str, FloatArray]
    amount: FloatArray
    count_p80: FloatArray | None
    served_before: FloatArray
    unreachable: FloatArray

    @property
    def first_month(self) -> int:
        """The first month with goals."""
        return self.goals.goals.first_month

    @property
    def months(self) -> int:
        """T, the number of months with goals."""
        return self.goals.goals.months


def make_plan(goals: GoalsVersion, book: AssumptionBook, settings: PlanSettings) -> Plan:
    """Work the goals backwards into monthly targets.

    A target month serves bookings one cycle later, and the lead of that month one that is later
    still, so goals are extended beyond their last month (`extend_goals`) as far as any cell's
    creation and upstream steps reach.
    """
    table = goals.goals
    assumptions = tabulate(book, table.cells)
    upstream_lag = max(step.kernel.shape[1] - 1 for step in assumptions.upstream)
    creation_months = table.months + upstream_lag
    booking_months = creation_months + assumptions.kernel.shape[1] - 1
    extended = extend_goals(table.amount, booking_months, settings.goal_growth)
    creation = METHODS[settings.method](extended, assumptions, creation_months)

    months = table.months
    qualified = creation.count[:, :months]
    upstream = {
        step.name: upstream_count(creation.count, step, months) for step in assumptions.upstream
    }
    return Plan(
        settings=settings,
        goals=goals,
        book=book.within(table.cells),
        assumptions=assumptions,
        steps=MappingProxyType({**upstream, QUALIFIED: qualified}),
        amount=qualified * assumptions.amount_at_qualification.value[:, np.newaxis],
        count_p80=_first(creation, months),
        served_before=creation.served_before[:, :months],
        unreachable=creation.unreachable[:, :months],
    )


def _first(creation: Creation, months: int) -> FloatArray | None:
    return None if creation.count_p80 is None else creation.count_p80[:, :months]


def target_rows(plan: Plan) -> list[TextRow]:
    """Return the rows of current_need.csv, sorted; a vintage's are the same with its name in front.

    A goal cell whose goals are all zero has no rows; a month without a goal in any other cell is a
    target of zero. Bookings that cannot be reached stand on the qualified rows of their month,
    shared among the goal cell's sources by mix; where there is no target either, it is empty.
    """
    counts = {step: plan.steps[step].T.tolist() for step in FUNNEL_STEPS}
    amounts = plan.amount.T.tolist()
    p80 = None if plan.count_p80 is None else plan.count_p80.T.tolist()
    entry_amount = plan.assumptions.amount_at_qualification.value.tolist()
    wanted = _cells_with_goals(plan)
    unreachable = _unreachable_by_cell(plan)

    rows: list[TextRow] = []
    for month in range(plan.months):
        day = first_day(plan.first_month + month).isoformat()
        without_target = set(unreachable)
        for index in wanted:
            cell = plan.assumptions.cells[index]
            for step in FUNNEL_STEPS:
                count = counts[step][month][index]
                if math.isnan(count):
                    continue
                figures = (_count(count), "", "", "", "", "")
                if step == QUALIFIED:
                    likely = math.nan if p80 is None else p80[month][index]
                    gap = unreachable[cell][month] if cell in unreachable else 0.0
                    without_target.discard(cell)
                    figures = (
                        _count(count),
                        _amount(amounts[month][index]),
                        _count(likely),
                        _amount(likely * entry_amount[index]),
                        _count(0.0) if gap == 0 else "",
                        _amount(gap),
                    )
                rows.append((day, *cell, step, *figures))
        rows.extend(
            (day, *cell, QUALIFIED, "", "", "", "", "", _amount(unreachable[cell][month]))
            for cell in without_target
            if unreachable[cell][month] > 0
        )
    return sorted(rows)


def _cells_with_goals(plan: Plan) -> list[int]:
    has_goal = np.any(plan.goals.goals.amount > 0, axis=1).tolist()
    return [index for index, goal in enumerate(plan.assumptions.goal_index) if has_goal[goal]]


def _unreachable_by_cell(plan: Plan) -> dict[Cell, list[float]]:
    """Share out each goal cell's unreachable bookings, (T,) a cell, by the mix of its sources.

    Where no source is known at all, they stand on a cell of unmapped source.
    """
    assumptions = plan.assumptions
    shared: dict[Cell, list[float]] = {}
    for goal, goal_cell in enumerate(assumptions.goal_cells):
        gap = plan.unreachable[goal]
        if not gap.any():
            continue
        members = np.flatnonzero(assumptions.goal_index == goal)
        mix = np.nan_to_num(assumptions.mix.value[members])
        if mix.sum() > 0:
            for index, share in zip(members, mix / mix.sum(), strict=True):
                if share > 0:
                    shared[assumptions.cells[index]] = (gap * share).tolist()
        else:
            dimensions = plan.settings.plan_dimensions
            has_custom = bool(set(dimensions) - set(Cell._fields))
            nowhere = Cell(
                *goal_cell,
                pipeline_source=UNMAPPED if "pipeline_source" in dimensions else ALL,
                custom_dimension=UNMAPPED if has_custom else ALL,
            )
            shared[nowhere] = gap.tolist()
    return shared


def assumption_rows(plan: Plan) -> list[TextRow]:
    """Return the rows of plan_assumptions.csv without the version, sorted."""
    return sorted(
        (
            entry.parameter,
            *entry.cell,
            *(
                "" if number is None else f"{number:.{DECIMALS[entry.parameter]}f}"
                for number in (entry.value, entry.lower, entry.upper)
            ),
            "" if entry.n is None else str(entry.n),
            entry.method,
            entry.measured_level,
            entry.source_level,
            str(entry.is_override).lower(),
        )
        for entry in plan.book.entries
    )


def version_row(plan: Plan) -> TextRow:
    """Return the row of plan_versions.csv without the version."""
    return (
        plan.book.as_of_date.isoformat(),
        plan.settings.method,
        plan.goals.version,
        plan.goals.approved_at.isoformat(),
        plan.goals.approved_by,
        inputs_hash(plan),
        first_day(plan.first_month).isoformat(),
        first_day(plan.first_month + plan.months - 1).isoformat(),
        CARRY_OVER_POLICY,
        str(plan.settings.qualifying_stage),
        f"{plan.goals.total:.2f}",
    )


def vintage_tables(plan: Plan) -> dict[str, list[TextRow]]:
    """Return the rows of the three append-only seeds by file, without the version in front."""
    return {
        TARGETS_FILE: target_rows(plan),
        ASSUMPTIONS_FILE: assumption_rows(plan),
        VERSIONS_FILE: [version_row(plan)],
    }


def inputs_hash(plan: Plan) -> str:
    """Return the SHA-256 of everything the plan was made from, as 64 hexadecimal digits.

    Goals of the chosen version, every assumption it read, and the settings; not the software.
    """
    content = {
        "as_of_date": plan.book.as_of_date.isoformat(),
        "assumptions": assumption_rows(plan),
        "carry_over_policy": CARRY_OVER_POLICY,
        "goal_growth": plan.settings.goal_growth,
        "goals": sorted(_goal_rows(plan.goals)),
        "goals_version": plan.goals.version,
        "method": plan.settings.method,
        "plan_dimensions": list(plan.settings.plan_dimensions),
        "qualifying_stage": plan.settings.qualifying_stage,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _goal_rows(goals: GoalsVersion) -> Iterator[TextRow]:
    for row in goals.rows:
        yield (
            row.fiscal_month.isoformat(),
            *row.cell,
            f"{row.bookings_goal:.2f}",
            row.currency,
            row.approved_at.isoformat(),
            row.approved_by,
        )


def _count(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


def _amount(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"
