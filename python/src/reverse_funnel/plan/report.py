"""A plan in a terminal: what it asks for, and what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reverse_funnel.plan.assumptions import ESSENTIAL, Assumption
from reverse_funnel.plan.make import Plan
from reverse_funnel.plan.model import FUNNEL_STEPS, BoolArray, FloatArray
from reverse_funnel.plan.months import fiscal_year
from reverse_funnel.text import count, money, multiple, share_of


def plan_summary(plan: Plan, *, currency: str, fiscal_year_start_month: int) -> RenderableType:
    """Return the summary: totals by fiscal year, by segment, and the state of the assumptions."""
    notes = Text("\n".join(plan_notes(plan, currency=currency)))
    return Group(
        _by_year(plan, currency, fiscal_year_start_month), _by_segment(plan, currency), notes
    )


def plan_notes(plan: Plan, *, currency: str) -> list[str]:
    """Return what a reader must know beside the totals, a line each."""
    measured = plan.assumptions.measured
    essential = [entry for entry in plan.book.entries if entry.parameter in ESSENTIAL]
    leaning = {entry.cell for entry in essential if entry.uses_parent}
    notes = [
        f"{len(measured)} cells: {len(leaning)} use a wider level's value for a rate, an amount or "
        f"a lag; {int((~measured).sum())} have no measurable rates and get no target.",
        *_levels(essential),
    ]
    for goal, cell in enumerate(plan.assumptions.goal_cells):
        if (missed := float(plan.unreachable[goal].sum())) > 0:
            notes.append(
                f"UNREACHABLE: {' / '.join(cell)}, {money(missed)} {currency}: no source of it has "
                "a measurable win rate above zero."
            )
    return notes


def _levels(entries: Sequence[Assumption]) -> Iterator[str]:
    """Yield, for each essential parameter, how many cells take it from which level."""
    for parameter in ESSENTIAL:
        levels = Counter(
            entry.measured_level
            for entry in entries
            if entry.parameter == parameter and entry.value is not None
        )
        if levels:
            shares = ", ".join(f"{level} {number}" for level, number in levels.most_common())
            yield f"  {parameter}: {shares}"


def _by_year(plan: Plan, currency: str, start_month: int) -> Table:
    years = np.array(
        [fiscal_year(plan.first_month + month, start_month) for month in range(plan.months)]
    )
    table = _table("Targets by fiscal year", "Fiscal year", currency)
    for year in np.unique(years):
        table.add_row(f"FY{year}", *_figures(plan, months=years == year))
    return table


def _by_segment(plan: Plan, currency: str) -> Table:
    table = _table("Targets by segment", "Segment", currency)
    for segment in sorted({cell.segment for cell in plan.assumptions.goal_cells}):
        table.add_row(segment, *_figures(plan, segment=segment))
    table.add_section()
    table.add_row("Total", *_figures(plan))
    return table


def _table(title: str, first: str, currency: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for step in FUNNEL_STEPS:
        table.add_column(step.replace("_", " ").capitalize(), justify="right")
    for heading in ("Pipeline", "Bookings goal", "Served by earlier pipeline"):
        table.add_column(f"{heading}, {currency}", justify="right")
    table.add_column("Pipeline ÷ goal", justify="right")
    return table


def _figures(
    plan: Plan, *, segment: str | None = None, months: BoolArray | None = None
) -> list[str]:
    """Return one row of totals: counts by funnel step, then amounts, pipeline by goal."""
    when = np.ones(plan.months, dtype=np.bool_) if months is None else months
    assumptions = plan.assumptions
    of_cell = np.array([segment in (None, cell.segment) for cell in assumptions.cells], np.bool_)
    of_goal = np.array(
        [segment in (None, cell.segment) for cell in assumptions.goal_cells], np.bool_
    )

    def total(values: FloatArray, rows: BoolArray) -> float | None:
        chosen = values[rows][:, when]
        return float(np.nansum(chosen)) if np.isfinite(chosen).any() else None

    pipeline, goal = total(plan.amount, of_cell), total(plan.goals.goals.amount, of_goal)
    return [
        *(count(total(plan.steps[step], of_cell)) for step in FUNNEL_STEPS),
        money(pipeline),
        money(goal),
        money(total(plan.served_before, of_goal)),
        multiple(share_of(pipeline, goal)),
    ]
