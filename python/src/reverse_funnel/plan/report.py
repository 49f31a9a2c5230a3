"""A plan in a terminal: what it asks for, and what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reverse_funnel.plan.assumptions import ESSENTIAL, Assumption
from reverse_funnel.plan.caps import CAPS_FILE
from reverse_funnel.plan.diff import CAUSES, SINCE, Difference
from reverse_funnel.plan.goals import AND
from reverse_funnel.plan.levers import Belief, Scenario, what_if
from reverse_funnel.plan.make import Plan, Problem
from reverse_funnel.plan.model import FUNNEL_STEPS, BoolArray, FloatArray
from reverse_funnel.plan.months import first_day, fiscal_year, quarter_name
from reverse_funnel.plan.sums import by_goal_cell
from reverse_funnel.text import count, money, multiple, percent, share_of


def plan_summary(plan: Plan, *, currency: str, fiscal_year_start_month: int) -> RenderableType:
    """Return the summary: totals by fiscal year, by segment, and the state of the assumptions."""
    notes = Text("\n".join(plan_notes(plan, currency=currency)))
    return Group(
        _by_year(plan, currency, fiscal_year_start_month),
        _by_segment(plan, currency),
        _by_quarter(plan, currency, fiscal_year_start_month),
        notes,
    )


def plan_notes(plan: Plan, *, currency: str) -> list[str]:
    """Return what a reader must know beside the totals, a line each."""
    measured = plan.assumptions.measured
    essential = [entry for entry in plan.book.entries if entry.parameter in ESSENTIAL]
    leaning = {entry.cell for entry in essential if entry.uses_parent}
    notes = [
        f"Goals: {plan.goals.version}, {'the last ' if AND in plan.goals.version else ''}approved "
        f"on {plan.goals.approved_at}.",
        f"{len(measured)} cells: {len(leaning)} use a wider level's value for a rate, an amount or "
        f"a lag; {int((~measured).sum())} have no measurable rates and get no target.",
        *_levels(essential),
    ]
    brings = np.bincount(
        plan.assumptions.goal_index,
        weights=plan.assumptions.yield_per_opportunity,
        minlength=len(plan.assumptions.goal_cells),
    )
    capped = {cap.cell for cap in plan.settings.caps}
    for goal, cell in enumerate(plan.assumptions.goal_cells):
        if (missed := float(plan.unreachable[goal].sum())) > 0:
            why = (
                "no source of it has a measurable win rate above zero."
                if brings[goal] <= 0
                else "its quarters begin too soon, or a cap keeps it from creating enough."
                if cell in capped
                else "its quarters begin too soon for anything created now."
            )
            notes.append(f"UNREACHABLE: {' / '.join(cell)}, {money(missed)} {currency}: {why}")
    notes += _cap_notes(plan)
    if plan.carry_over is not None:
        over = plan.carry_over
        notes.append(
            f"Against {over.base_version}, policy {over.policy}: {np.nansum(over.carried):+,.0f} "
            f"opportunities, {np.nansum(over.lateness):,.0f} of them because the shortfall comes "
            "late."
        )
    return notes


def _cap_notes(plan: Plan) -> Iterator[str]:
    """Yield what the caps of seed creation_caps did to the plan."""
    cap, ahead = plan.cap, slice(plan.timeline.first_free, plan.months)
    if cap is None:
        return
    if plan.settings.method != "distribution":
        yield f"CAPS of {CAPS_FILE.name} are not heeded by method {plan.settings.method}."
        return
    index, goal_cells = plan.assumptions.goal_index, len(plan.assumptions.goal_cells)
    count = by_goal_cell(np.nan_to_num(plan.steps[FUNNEL_STEPS[-1]]), index, goal_cells)
    full = count[:, ahead] >= cap[:, ahead] * (1 - 1e-9)
    for goal in np.flatnonzero(full.any(axis=1)):
        cell = " / ".join(plan.assumptions.goal_cells[goal])
        yield f"CAPPED: {cell}, in {int(full[goal].sum())} months."


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
    table = _table(f"Targets by fiscal year{_since(plan)}", "Fiscal year", currency)
    for year in np.unique(years[plan.timeline.first_free :]):
        table.add_row(f"FY{year}", *_figures(plan, months=years == year))
    return table


def _by_segment(plan: Plan, currency: str) -> Table:
    table = _table(f"Targets by segment{_since(plan)}", "Segment", currency)
    for segment in sorted({cell.segment for cell in plan.assumptions.goal_cells}):
        table.add_row(segment, *_figures(plan, segment=segment))
    table.add_section()
    table.add_row("Total", *_figures(plan))
    return table


def _by_quarter(plan: Plan, currency: str, start_month: int) -> Table:
    """Return, for each quarter to come, what it is expected to book and how likely its goal is."""
    confidence = plan.settings.confidence
    table = Table(title="Bookings if the targets are met", title_justify="left")
    for heading in ("Quarter", f"Goal, {currency}", "Stands already", "Expected", "Of goal"):
        table.add_column(heading, justify="left" if heading == "Quarter" else "right")
    table.add_column("Unreachable", justify="right")
    table.add_column("Chance", justify="right")
    table.add_column(f"Chance, p{round(100 * confidence.level)} targets", justify="right")
    period = plan.timeline.period[: plan.months]
    company = plan.outlook.goal.shape[0] == 1
    for quarter in range(int(period[plan.timeline.first_free]), int(period[-1]) + 1):
        months = np.flatnonzero(period == quarter)
        goal, stands, expected, lost = (
            float(figures[:, months].sum())
            for figures in (
                plan.goals.goals.amount,
                plan.served_before,
                plan.bookings,
                plan.unreachable,
            )
        )
        first = plan.first_month + int(months[0])
        chances = [
            "" if outlook is None or not company else percent(float(outlook.chance()[0, quarter]))
            for outlook in (plan.outlook, plan.outlook_p80)
        ]
        table.add_row(
            quarter_name(first, start_month),
            money(goal),
            money(stands),
            money(expected),
            percent(share_of(expected, goal)),
            money(lost),
            *chances,
        )
    return table


def diff_summary(found: Difference, earlier: str, later: str) -> RenderableType:
    """Return a table of two vintages and what made them differ, a row a segment."""
    table = Table(
        title=f"Qualified opportunities, {earlier} to {later}, {first_day(found.first)} to "
        f"{first_day(found.last)}",
        caption="Causes one after the other, from left to right: in another order, or the other "
        "way round, each has another part",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("Segment")
    for heading in (earlier, *(cause.capitalize() for cause in (*CAUSES, SINCE)), later):
        table.add_column(heading, justify="right")
    totals = np.zeros(len(CAUSES) + 3)
    for segment in found.before:
        by_cause = {
            change.cause: change.count for change in found.changes if change.segment == segment
        }
        row = [
            found.before[segment],
            *(by_cause[cause] for cause in (*CAUSES, SINCE)),
            found.after[segment],
        ]
        totals += np.array(row)
        table.add_row(segment, *_signed(row))
    table.add_section()
    table.add_row("Total", *_signed(totals.tolist()))
    return table


def _signed(row: Sequence[float]) -> list[str]:
    return [f"{row[0]:,.0f}", *(f"{value:+,.0f}" for value in row[1:-1]), f"{row[-1]:,.0f}"]


def scenario_summary(problem: Problem, scenario: Scenario) -> RenderableType:
    """Return a table of a scenario beside the assumptions as they are, a row a quarter to come."""
    found = what_if(problem, scenario)
    table = Table(title=scenario.label, title_justify="left")
    table.add_column("Quarter")
    for heading in ("Goal", "Bookings", "in the scenario", "Needed", "in the scenario"):
        table.add_column(heading, justify="right")
    months = problem.goals.goals.months
    period = problem.timeline.period[:months]
    start = problem.settings.fiscal_year_start_month
    for quarter in range(int(period[problem.timeline.first_free]), int(period[-1]) + 1):
        at = np.flatnonzero(period == quarter)
        table.add_row(
            quarter_name(problem.timeline.first_month + int(at[0]), start),
            *(
                money(float(figures[at].sum()))
                for figures in (found.goal, found.bookings, found.changed_bookings)
            ),
            *(
                f"{float(figures[at].sum()):,.0f}"
                for figures in (found.needed, found.changed_needed)
            ),
        )
    note = Text(
        "Bookings with pipeline created at the pace and growth of the last twelve months; needed:\n"
        "qualified opportunities still to be created for the goals. A scenario is no plan: nothing "
        "was written."
    )
    return Group(table, note)


def beliefs(levers: Sequence[Belief]) -> RenderableType:
    """Return a table of what each lever would have to become."""
    table = Table(title="What you need to believe, one lever at a time", title_justify="left")
    table.add_column("Lever")
    for heading in ("Now", "Needed", "Change"):
        table.add_column(heading, justify="right")
    shown: dict[str, Callable[[float], str]] = {
        "win_rate": percent,
        "amount": money,
        "volume": lambda value: f"{value:,.0f} created",
        "cycle": lambda value: f"{value:.1f} months",
    }
    for belief in levers:
        show = shown[belief.lever]
        table.add_row(
            belief.lever.replace("_", " "),
            show(belief.now),
            *(
                ("beyond belief", "")
                if belief.factor is None
                else (show(belief.now * belief.factor), f"{belief.factor - 1:+.1%}")
            ),
        )
    return Group(
        table,
        Text("For the goals of the next twelve months, pipeline being created as it has been."),
    )


def _table(title: str, first: str, currency: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for step in FUNNEL_STEPS:
        table.add_column(step.replace("_", " ").capitalize(), justify="right")
    for heading in ("Pipeline", "Bookings goal", "Served by earlier pipeline"):
        table.add_column(f"{heading}, {currency}", justify="right")
    table.add_column("Pipeline ÷ goal", justify="right")
    return table


def _since(plan: Plan) -> str:
    """Return which months a plan's totals are of, where some of its months are over."""
    gone = plan.timeline.first_free
    return f", {first_day(plan.first_month + gone):%Y-%m} and later" if gone else ""


def _figures(
    plan: Plan, *, segment: str | None = None, months: BoolArray | None = None
) -> list[str]:
    """Return one row of totals of the months to come: counts by funnel step, then amounts."""
    when = np.arange(plan.months) >= plan.timeline.first_free
    if months is not None:
        when &= months
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
