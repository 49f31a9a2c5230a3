"""A plan as rows of its seeds: sorted and rounded text, so that the same plan is the same bytes."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType

import numpy as np

from reverse_funnel.plan.assumptions import DECIMALS
from reverse_funnel.plan.goals import ApprovedGoals
from reverse_funnel.plan.make import QUALIFIED, Plan
from reverse_funnel.plan.model import ALL, FUNNEL_STEPS, UNMAPPED, Cell
from reverse_funnel.plan.months import first_day

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
        TARGETS_FILE: (
            "plan_version",
            *NEED_HEADER,
            "carried_over_count",
            "cost_of_lateness_count",
        ),
        ASSUMPTIONS_FILE: (
            "plan_version",
            "parameter",
            "month_number",
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
            "base_version",
            "carry_over_policy",
            "surplus_credit",
            "goal_growth",
            "confidence",
            "confidence_level",
            "qualifying_stage",
            "bookings_goal",
        ),
        NEED_FILE: NEED_HEADER,
    }
)

TextRow = tuple[str, ...]

_NOTHING: Mapping[int, float] = defaultdict(float)


def need_rows(plan: Plan) -> list[TextRow]:
    """Return the rows of current_need.csv, sorted.

    Of months gone by they hold what was created, so that a year adds up to what it must come to. A
    goal cell whose goals are all zero has no rows; a month without a goal in any other cell is a
    target of zero. Bookings that cannot be reached stand on the qualified rows of their month,
    shared among the goal cell's sources by mix; where there is no target either, it is empty.
    """
    return _rows(plan, first=0, carried=False)


def target_rows(plan: Plan) -> list[TextRow]:
    """Return the rows of pipeline_targets.csv without the version, sorted.

    As `need_rows`, but only of the months to come: what is gone was measured by an earlier plan.
    """
    return _rows(plan, first=plan.timeline.first_free, carried=True)


def _rows(plan: Plan, *, first: int, carried: bool) -> list[TextRow]:
    counts = {step: plan.steps[step].T.tolist() for step in FUNNEL_STEPS}
    qualified = _qualified_figures(plan, carried=carried)
    unreachable = _unreachable_by_cell(plan)
    blank = ("",) * (7 if carried else 5)

    rows: list[TextRow] = []
    for month in range(first, plan.months):
        day = first_day(plan.first_month + month).isoformat()
        without_target = set(unreachable)
        for index in _cells_with_goals(plan):
            cell = plan.assumptions.cells[index]
            for step in FUNNEL_STEPS:
                count = counts[step][month][index]
                if math.isnan(count):
                    continue
                if step == QUALIFIED:
                    without_target.discard(cell)
                    rows.append((day, *cell, step, *qualified(index, month, unreachable)))
                else:
                    rows.append((day, *cell, step, _count(count), *blank))
        rows.extend(
            (day, *cell, QUALIFIED, "", "", "", "", "", _amount(unreachable[cell][month]))
            + (("", "") if carried else ())
            for cell in without_target
            if unreachable[cell][month] > 0
        )
    return sorted(rows)


def _qualified_figures(
    plan: Plan, *, carried: bool
) -> Callable[[int, int, Mapping[Cell, Sequence[float]]], TextRow]:
    """Return a function that gives the figures of a cell and month behind its funnel step."""
    counts, amounts = plan.steps[QUALIFIED].tolist(), plan.amount.tolist()
    likely = None if plan.count_p80 is None else plan.count_p80.tolist()
    entry = plan.assumptions.amount_at_qualification.value.tolist()
    brings = plan.assumptions.yield_per_opportunity.tolist()
    over = plan.carry_over

    def figures(index: int, month: int, unreachable: Mapping[Cell, Sequence[float]]) -> TextRow:
        count, amount = counts[index][month], amounts[index][month]
        p80 = math.nan if likely is None else likely[index][month]
        gap = unreachable.get(plan.assumptions.cells[index], _NOTHING)[month]
        row = (
            _count(count),
            _amount(amount),
            _count(p80),
            _amount(amount + (p80 - count) * entry[index]),
            _count(gap / brings[index] if brings[index] > 0 else 0.0 if gap == 0 else math.nan),
            _amount(gap),
        )
        if not carried:
            return row
        if over is None:
            return (*row, "", "")
        return (
            *row,
            _count(float(over.carried[index, month])),
            _count(float(over.lateness[index, month])),
        )

    return figures


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
    """Return the rows of plan_assumptions.csv without the version, sorted.

    Months to which a kernel gives nothing are left out.
    """
    return sorted(
        (
            entry.parameter,
            "" if entry.month_number is None else str(entry.month_number),
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
        if entry.value != 0 or not entry.parameter.startswith("kernel_")
    )


def version_row(plan: Plan) -> TextRow:
    """Return the row of plan_versions.csv without the version."""
    settings, over = plan.settings, plan.carry_over
    return (
        plan.book.as_of_date.isoformat(),
        settings.method,
        plan.goals.version,
        plan.goals.approved_at.isoformat(),
        plan.goals.approved_by,
        inputs_hash(plan),
        first_day(plan.first_month + plan.timeline.first_free).isoformat(),
        first_day(plan.first_month + plan.months - 1).isoformat(),
        "" if over is None else over.base_version,
        "none" if over is None else over.policy,
        "" if over is None else f"{over.surplus_credit:.4f}",
        f"{settings.goal_growth:.4f}",
        f"{settings.confidence.level:.4f}",
        settings.confidence.held_by,
        str(settings.qualifying_stage),
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

    Goals of the chosen version, every assumption it read, what stood already, and the settings; not
    the software.
    """
    content = {
        "as_of_date": plan.book.as_of_date.isoformat(),
        "assumptions": assumption_rows(plan),
        "carry_over": None if plan.carry_over is None else plan.carry_over.terms(),
        "goals": sorted(_goal_rows(plan.goals)),
        "goals_version": plan.goals.version,
        "settings": {
            **asdict(replace(plan.settings, caps=())),
            "caps": sorted(cap.terms() for cap in plan.settings.caps),
        },
        "standing": plan.standing_book.terms(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _goal_rows(goals: ApprovedGoals) -> Iterator[TextRow]:
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
