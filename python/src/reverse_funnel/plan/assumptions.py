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
from enum import Enum
from typing import Any

import numpy as np

from reverse_funnel.errors import Fault, InputError, ReverseFunnelError, raise_if
from reverse_funnel.plan.kernels import (
    convolved,
    cut_tail,
    delta_kernel,
    lag_in_months,
    stretched,
)
from reverse_funnel.plan.model import (
    MONTHS_IN_YEAR,
    Cell,
    CellAssumptions,
    Estimate,
    FloatArray,
    GoalCell,
    UpstreamStep,
)
from reverse_funnel.plan.months import DAYS_PER_MONTH

MART = "assumptions"
COLUMNS = (
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
    "override_value",
    "as_of_date",
)
QUERY = f"select {', '.join(COLUMNS)} from {{{{ ref('{MART}') }}}}"

# The measured_level of a value that has observations of the cell itself in it. A mix is measured in
# the goal cell that it divides.
OWN_LEVELS = frozenset({"cell", "goal_cell"})

# Every parameter a plan reads, with the decimals its values are published with.
DECIMALS = {
    "source_mix": 8,
    "win_rate": 8,
    "won_amount": 2,
    "won_amount_variation": 8,
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
    "kernel_qualified_to_won": 8,
    "kernel_meeting_completed_to_qualified": 8,
    "kernel_meeting_accepted_to_completed": 8,
    "kernel_lead_to_meeting_accepted": 8,
    "closing_seasonality": 8,
    "creation_seasonality": 8,
}
# The parameters without which a cell gets no target.
ESSENTIAL = ("source_mix", "win_rate", "won_amount", "days_qualified_to_won")

# The steps before qualification, nearest first, and the transition to the next one.
UPSTREAM = (
    ("meeting_completed", "meeting_completed_to_qualified"),
    ("meeting_accepted", "meeting_accepted_to_completed"),
    ("lead", "lead_to_meeting_accepted"),
)
# The share of a cell's opportunities that start as a lead; 1 where it is not measured.
LEAD_SHARE = "lead_sourced_share"

Row = Mapping[str, Any]
Query = Callable[[str], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Assumption:
    """One parameter of one cell, as it was believed when the plan was made.

    `month_number` is the lag of a kernel or the fiscal month of a seasonality; None for all others.
    """

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
    month_number: int | None = None

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
            remedy="build the warehouse first: dbt build --selector plan_inputs",
        )
    days = {_day(row["as_of_date"]) for row in rows}
    if len(days) > 1:
        listed = ", ".join(str(day) for day in sorted(days))
        raise InputError(
            Fault(
                file=MART,
                column="as_of_date",
                problem=f"speaks for several days: {listed}",
                remedy="rebuild it: dbt build --selector plan_inputs",
            )
        )
    entries = sorted((_entry(row) for row in rows), key=_identity)
    raise_if(_faults(entries))
    return AssumptionBook(as_of_date=days.pop(), entries=tuple(entries))


class Lags(Enum):
    """How much of the time between two steps a method knows."""

    DISTRIBUTION = "distribution"
    """Its distribution over months."""
    MEAN = "mean"
    """Its mean, rounded to months."""
    NONE = "none"
    """Nothing: all in the same month."""


def tabulate(
    book: AssumptionBook,
    goal_cells: tuple[GoalCell, ...],
    lags: Lags = Lags.DISTRIBUTION,
    fiscal_year_start_month: int = 1,
) -> CellAssumptions:
    """Arrange the assumptions of these goal cells as arrays; see `CellAssumptions` for shapes.

    With `Lags.MEAN` kernels hold each cell's weight at one lag, the rounded mean; lags before
    qualification are rounded once, from the days added up, not step by step. A duration that was
    overruled stretches the measured distribution to it; where none is measured, the whole weight
    lies at the mean.
    """
    table = _Table(book.within(goal_cells))
    goal_position = {cell: index for index, cell in enumerate(goal_cells)}
    return CellAssumptions(
        cells=table.cells,
        goal_cells=goal_cells,
        goal_index=np.array([goal_position[cell.goal_cell] for cell in table.cells], np.int64),
        mix=table.estimate("source_mix"),
        win_rate=table.estimate("win_rate"),
        won_amount=table.estimate("won_amount"),
        won_amount_variation=np.nan_to_num(table.value("won_amount_variation"), nan=1.0),
        amount_at_qualification=table.estimate("amount_at_qualification"),
        kernel=_kernel(table, ("qualified_to_won",), lags),
        upstream=tuple(_upstream(table, lags)),
        closing=_season(table, "closing_seasonality", fiscal_year_start_month),
        creation=_season(table, "creation_seasonality", fiscal_year_start_month),
    )


class _Table:
    """The entries of a book as arrays over its cells."""

    def __init__(self, book: AssumptionBook) -> None:
        self.cells = tuple(sorted({entry.cell for entry in book.entries}))
        position = {cell: index for index, cell in enumerate(self.cells)}
        self._entries: dict[str, list[tuple[int, Assumption]]] = {}
        for entry in book.entries:
            self._entries.setdefault(entry.parameter, []).append((position[entry.cell], entry))

    def entries(self, parameter: str) -> list[tuple[int, Assumption]]:
        """Return the entries of a parameter with their cell's position."""
        return self._entries.get(parameter, [])

    def estimate(self, parameter: str) -> Estimate:
        """Return (C,) values and interval; NaN where not measured."""
        value, lower, upper = (np.full(len(self.cells), np.nan) for _ in range(3))
        for index, entry in self.entries(parameter):
            for array, number in (
                (value, entry.value),
                (lower, entry.lower),
                (upper, entry.upper),
            ):
                if number is not None:
                    array[index] = number
        return Estimate(value, lower, upper)

    def value(self, parameter: str) -> FloatArray:
        """Return (C,) values; NaN where not measured."""
        return self.estimate(parameter).value

    def overruled(self, parameter: str) -> FloatArray:
        """Return (C,) values that somebody overruled; NaN in all other cells."""
        values = np.full(len(self.cells), np.nan)
        for index, entry in self.entries(parameter):
            if entry.is_override and entry.value is not None:
                values[index] = entry.value
        return values

    def by_month(self, parameter: str, first: int) -> FloatArray:
        """Return (C, months) values by month number from `first` on; NaN where not measured."""
        entries = self.entries(parameter)
        last = max((entry.month_number or 0 for _, entry in entries), default=first)
        values = np.full((len(self.cells), last - first + 1), np.nan)
        for index, entry in entries:
            if entry.month_number is not None and entry.value is not None:
                values[index, entry.month_number - first] = entry.value
        return values


def _kernel(table: _Table, steps: Sequence[str], lags: Lags) -> FloatArray:
    """Return the kernel of one or several steps in a row, (C, K + 1)."""
    days = sum((table.value(f"days_{step}") for step in steps), np.zeros(len(table.cells)))
    if lags is not Lags.DISTRIBUTION:
        return delta_kernel(lag_in_months(days) if lags is Lags.MEAN else 0.0 * days)
    kernel = np.where(np.isfinite(days), 1.0, np.nan)[:, np.newaxis]
    for step in steps:
        kernel = convolved(kernel, _measured_kernel(table, step))
    return cut_tail(kernel)


def _measured_kernel(table: _Table, step: str) -> FloatArray:
    """Return (C, K + 1) shares of a step; of months that a cell has none for, 0."""
    kernel = table.by_month(f"kernel_{step}", first=0)
    total = np.nansum(kernel, axis=1, keepdims=True)
    kernel = np.divide(np.nan_to_num(kernel), total, out=np.zeros_like(kernel), where=total > 0)
    mean = table.overruled(f"days_{step}") / DAYS_PER_MONTH
    kernel = stretched(kernel, mean)
    days = table.value(f"days_{step}")
    single = delta_kernel(lag_in_months(days))
    width = max(kernel.shape[1], single.shape[1])
    kernel, single = (
        np.pad(array, ((0, 0), (0, width - array.shape[1]))) for array in (kernel, single)
    )
    return np.where(total > 0, kernel, single)


def _season(table: _Table, parameter: str, start_month: int) -> FloatArray:
    """Return (C, 12) an index by month of the year from fiscal months; 1 where not measured."""
    fiscal = table.by_month(parameter, first=1)
    index = np.ones((len(table.cells), MONTHS_IN_YEAR))
    index[:, : fiscal.shape[1]] = np.where(np.isfinite(fiscal), fiscal, 1.0)
    return np.roll(index, start_month - 1, axis=1)


def _upstream(table: _Table, lags: Lags) -> Iterator[UpstreamStep]:
    per_qualified: FloatArray = np.ones(len(table.cells))
    steps: list[str] = []
    for name, step in UPSTREAM:
        rate = table.value(f"{step}_rate")
        # No number of meetings suffices where none ever passes: not measured, not infinite.
        per_qualified = per_qualified / np.where(rate > 0, rate, np.nan)
        if name == "lead":
            share = np.nan_to_num(table.value(LEAD_SHARE), nan=1.0)
            per_qualified = per_qualified * np.where(share > 0, share, np.nan)
        steps.append(step)
        yield UpstreamStep(
            name=name, per_qualified=per_qualified, kernel=_kernel(table, steps, lags)
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
        month_number=None if row["month_number"] is None else int(row["month_number"]),
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


def _identity(entry: Assumption) -> tuple[str, Cell, int]:
    return entry.parameter, entry.cell, -1 if entry.month_number is None else entry.month_number


def _faults(entries: Sequence[Assumption]) -> Iterator[Fault]:
    """Yield what cannot be true, in entries sorted by identity."""
    previous = None
    for entry in entries:
        where = f"{entry.parameter} of {' / '.join(entry.cell)}"
        if entry.month_number is not None:
            where = f"{where}, month {entry.month_number}"
        if _identity(entry) == previous:
            yield Fault(
                file=MART,
                column="parameter",
                problem=f"has two rows for {where}",
                remedy="its grain is parameter and cell: run dbt test --select assumptions",
            )
        previous = _identity(entry)
        is_share = entry.parameter.startswith("kernel_") or entry.parameter.endswith(
            ("_rate", "_share", "_mix")
        )
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
