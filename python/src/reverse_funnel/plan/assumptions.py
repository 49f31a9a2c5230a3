"""Reading the mart `assumptions` into arrays.

The mart has a row for each parameter and cell; `value` is what the plan uses, overrides and
shrinkage included. A missing row or a null value means "not measured" and becomes NaN. Values are
rounded as published before anything is computed from them, so that targets follow exactly from
plan_assumptions.csv and a last digit that differs between engines changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from reverse_funnel.errors import Fault, InputError, ReverseFunnelError, raise_if
from reverse_funnel.plan.model import (
    Cell,
    CellAssumptions,
    Estimate,
    FloatArray,
    GoalCell,
    UpstreamStep,
)
from reverse_funnel.plan.solve import delta_kernel, lag_in_months

MART = "assumptions"
COLUMNS = (
    "parameter",
    *Cell._fields,
    "value",
    "lower",
    "upper",
    "n",
    "method",
    "measured_level",
    "source_level",
    "override_value",
    "as_of_date",
)
QUERY = f"select {', '.join(COLUMNS)} from {{{{ ref('{MART}') }}}} where month_number is null"

# The measured_level of a value that has observations of the cell itself in it. A mix is measured in
# the goal cell that it divides.
OWN_LEVELS = frozenset({"cell", "goal_cell"})

# Every parameter a plan reads, with the decimals its values are published with.
DECIMALS = {
    "source_mix": 8,
    "win_rate": 8,
    "won_amount": 2,
    "amount_at_qualification": 2,
    "amount_growth": 8,
    "days_qualified_to_won": 4,
    "meeting_completed_to_qualified_rate": 8,
    "days_meeting_completed_to_qualified": 4,
    "meeting_accepted_to_completed_rate": 8,
    "days_meeting_accepted_to_completed": 4,
    "lead_to_meeting_accepted_rate": 8,
    "days_lead_to_meeting_accepted": 4,
    "lead_sourced_share": 8,
}
# The parameters without which a cell gets no target.
ESSENTIAL = ("source_mix", "win_rate", "won_amount", "days_qualified_to_won")

# The steps before qualification, nearest first: name, rate to the next step, days to it.
UPSTREAM = (
    (
        "meeting_completed",
        "meeting_completed_to_qualified_rate",
        "days_meeting_completed_to_qualified",
    ),
    (
        "meeting_accepted",
        "meeting_accepted_to_completed_rate",
        "days_meeting_accepted_to_completed",
    ),
    ("lead", "lead_to_meeting_accepted_rate", "days_lead_to_meeting_accepted"),
)
# The share of a cell's opportunities that start as a lead; 1 where it is not measured.
LEAD_SHARE = "lead_sourced_share"

Row = Mapping[str, Any]
Query = Callable[[str], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Assumption:
    """One parameter of one cell, as it was believed when the plan was made."""

    parameter: str
    cell: Cell
    value: float | None
    lower: float | None
    upper: float | None
    n: int | None
    method: str
    measured_level: str
    source_level: str
    is_override: bool

    @property
    def uses_parent(self) -> bool:
        """True where nothing was observed in the cell itself, so that a wider level speaks."""
        return (
            self.value is not None
            and not self.is_override
            and self.measured_level not in OWN_LEVELS
        )


@dataclass(frozen=True, slots=True)
class AssumptionBook:
    """All assumptions of one day, sorted by cell and parameter."""

    as_of_date: date
    entries: tuple[Assumption, ...]

    def within(self, goal_cells: Iterable[GoalCell]) -> AssumptionBook:
        """Return the assumptions of the cells that work towards these goals."""
        wanted = frozenset(goal_cells)
        kept = tuple(entry for entry in self.entries if entry.cell.goal_cell in wanted)
        return AssumptionBook(as_of_date=self.as_of_date, entries=kept)


def read_assumptions(query: Query) -> AssumptionBook:
    """Read the mart through a query function and check it.

    Raises `InputError` for repeated rows and impossible values, each with parameter and cell;
    `ReverseFunnelError` for an empty mart.
    """
    rows = [row for row in query(QUERY) if row["parameter"] in DECIMALS]
    if not rows:
        raise ReverseFunnelError(
            f"the mart {MART} holds no assumptions",
            remedy=f"build the warehouse first: dbt build --select +{MART}",
        )
    days = {_day(row["as_of_date"]) for row in rows}
    if len(days) > 1:
        listed = ", ".join(str(day) for day in sorted(days))
        raise InputError(
            Fault(
                file=MART,
                column="as_of_date",
                problem=f"speaks for several days: {listed}",
                remedy="rebuild it: dbt build --select +assumptions",
            )
        )
    entries = sorted((_entry(row) for row in rows), key=_identity)
    raise_if(_faults(entries))
    return AssumptionBook(as_of_date=days.pop(), entries=tuple(entries))


def tabulate(book: AssumptionBook, goal_cells: tuple[GoalCell, ...]) -> CellAssumptions:
    """Arrange the assumptions of these goal cells as arrays; see `CellAssumptions` for shapes.

    The kernels hold each cell's weight at one lag, the rounded mean (method `fixed_lag`). Lags
    before qualification are rounded once, from the days added up, not step by step.
    """
    book = book.within(goal_cells)
    cells = tuple(sorted({entry.cell for entry in book.entries}))
    position = {cell: index for index, cell in enumerate(cells)}
    goal_position = {cell: index for index, cell in enumerate(goal_cells)}
    estimates = {
        parameter: Estimate(*(np.full(len(cells), np.nan) for _ in range(3)))
        for parameter in DECIMALS
    }
    for entry in book.entries:
        estimate, index = estimates[entry.parameter], position[entry.cell]
        for array, number in zip(
            (estimate.value, estimate.lower, estimate.upper),
            (entry.value, entry.lower, entry.upper),
            strict=True,
        ):
            if number is not None:
                array[index] = number
    return CellAssumptions(
        cells=cells,
        goal_cells=goal_cells,
        goal_index=np.array([goal_position[cell.goal_cell] for cell in cells], dtype=np.int64),
        mix=estimates["source_mix"],
        win_rate=estimates["win_rate"],
        won_amount=estimates["won_amount"],
        amount_at_qualification=estimates["amount_at_qualification"],
        kernel=delta_kernel(lag_in_months(estimates["days_qualified_to_won"].value)),
        upstream=tuple(_upstream(estimates)),
    )


def _upstream(estimates: Mapping[str, Estimate]) -> Iterator[UpstreamStep]:
    per_qualified: FloatArray = np.ones_like(estimates["win_rate"].value)
    days = np.zeros_like(per_qualified)
    for name, rate_name, days_name in UPSTREAM:
        rate = estimates[rate_name].value
        # No number of meetings suffices where none ever passes: not measured, not infinite.
        per_qualified = per_qualified / np.where(rate > 0, rate, np.nan)
        days = days + estimates[days_name].value
        if name == "lead":
            share = np.nan_to_num(estimates[LEAD_SHARE].value, nan=1.0)
            per_qualified = per_qualified * np.where(share > 0, share, np.nan)
        yield UpstreamStep(
            name=name, per_qualified=per_qualified, kernel=delta_kernel(lag_in_months(days))
        )


def _entry(row: Row) -> Assumption:
    parameter = str(row["parameter"])
    decimals = DECIMALS[parameter]
    count = _number(row["n"], 0)
    return Assumption(
        parameter=parameter,
        cell=Cell(*(str(row[dimension]) for dimension in Cell._fields)),
        value=_number(row["value"], decimals),
        lower=_number(row["lower"], decimals),
        upper=_number(row["upper"], decimals),
        n=None if count is None else int(count),
        method=str(row["method"] or ""),
        measured_level=str(row["measured_level"] or ""),
        source_level=str(row["source_level"] or ""),
        is_override=row["override_value"] is not None,
    )


def _number(value: Any, decimals: int) -> float | None:
    if value is None:
        return None
    number = float(value)
    # Adding zero turns a negative zero into zero.
    return round(number, decimals) + 0.0 if math.isfinite(number) else None


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _identity(entry: Assumption) -> tuple[str, Cell]:
    return entry.parameter, entry.cell


def _faults(entries: Sequence[Assumption]) -> Iterator[Fault]:
    """Yield what cannot be true, in entries sorted by identity."""
    previous = None
    for entry in entries:
        where = f"{entry.parameter} of {' / '.join(entry.cell)}"
        if _identity(entry) == previous:
            yield Fault(
                file=MART,
                column="parameter",
                problem=f"has two rows for {where}",
                remedy="its grain is parameter and cell: run dbt test --select assumptions",
            )
        previous = _identity(entry)
        is_share = entry.parameter.endswith(("_rate", "_share", "_mix"))
        for column, number in (("value", entry.value), ("lower", entry.lower)):
            if number is not None and number < 0:
                yield Fault(
                    file=MART,
                    column=column,
                    problem=f"{where} is negative: {number}",
                    remedy="correct its override, or the estimate behind it",
                )
        if is_share and entry.value is not None and entry.value > 1:
            yield Fault(
                file=MART,
                column="value",
                problem=f"{where} is above 1: {entry.value}",
                remedy="write a share such as 0.25 for 25 %",
            )
