"""What stands already: bookings made and to be expected of open pipeline, and what was created."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from reverse_funnel.plan.model import (
    MONTHS_PER_QUARTER,
    Cell,
    CellAssumptions,
    FloatArray,
    GoalCell,
    Goals,
    IntArray,
    OpenRisk,
    Standing,
    Timeline,
)
from reverse_funnel.plan.months import month_of, share_of_month
from reverse_funnel.plan.solve import forward
from reverse_funnel.plan.sums import by_period

BOOKINGS = "int_outlook__standing"
RISK = "int_outlook__quarters"
CREATED = "int_outlook__created"
GROWTH = "int_outlook__creation_paths"
BOOKINGS_QUERY = (
    f"select {', '.join(GoalCell._fields)}, fiscal_month, booked_amount, open_expected_amount "
    f"from {{{{ ref('{BOOKINGS}') }}}}"
)
RISK_QUERY = (
    f"select {', '.join(GoalCell._fields)}, calendar.fiscal_quarter_start, "
    "open_expected_amount, open_variance, largest_deal_amount, largest_deal_probability "
    f"from {{{{ ref('{RISK}') }}}} as quarters inner join "
    "(select distinct fiscal_quarter, fiscal_quarter_start from {{ ref('int_calendar') }}) "
    "as calendar on quarters.fiscal_quarter = calendar.fiscal_quarter"
)
CREATED_QUERY = (
    f"select {', '.join(Cell._fields)}, fiscal_month, created_count, created_amount "
    f"from {{{{ ref('{CREATED}') }}}}"
)
GROWTH_QUERY = f"select segment, fiscal_month, growth_factor from {{{{ ref('{GROWTH}') }}}}"
# Pipeline to come is taken to be created as it was in so many months before, with its growth.
RECENT_MONTHS = 12
COMPANY = "*"
"""Stands for the segment in the company's own growth, which segments without one share."""

Row = Mapping[str, Any]
Query = Callable[[str], Sequence[Row]]


class Created(NamedTuple):
    """Opportunities created in a cell and month, and their amount when they qualified."""

    opportunities: float
    amount: float


class Bookings(NamedTuple):
    """Bookings of a goal cell and month: made, and expected of open deals."""

    booked: float
    expected: float


class Risk(NamedTuple):
    """What is not certain about the open deals of a goal cell in a quarter; see `OpenRisk`."""

    mean: float
    variance: float
    largest: float
    largest_probability: float


@dataclass(frozen=True, slots=True)
class StandingBook:
    """What the warehouse knows: bookings by goal cell, creation by cell.

    `growth` says how many times an average month of the last twelve a month to come is by the
    growth of its segment (or of `COMPANY`), the season apart. Months, and a quarter's first month,
    are those of `months`; amounts are in corporate currency, rounded to cents.
    """

    bookings: Mapping[tuple[GoalCell, int], Bookings] = field(default_factory=dict)
    risk: Mapping[tuple[GoalCell, int], Risk] = field(default_factory=dict)
    created: Mapping[tuple[Cell, int], Created] = field(default_factory=dict)
    growth: Mapping[tuple[str, int], float] = field(default_factory=dict)

    def terms(self) -> list[list[str]]:
        """Return everything in it as sorted text, for the hash of a plan's inputs."""
        growth = (
            ["growth", segment, str(month), f"{factor:.8f}"]
            for (segment, month), factor in self.growth.items()
        )
        parts = (
            [name, *cell, str(month), *(f"{number:.4f}" for number in figures)]
            for name, part in (
                ("bookings", self.bookings),
                ("risk", self.risk),
                ("created", self.created),
            )
            for (cell, month), figures in part.items()
        )
        return sorted([*parts, *growth])


def read_standing(query: Query) -> StandingBook:
    """Read the four models through a query function."""
    return StandingBook(
        bookings={
            (_goal_cell(row), _month(row["fiscal_month"])): Bookings(
                _cents(row["booked_amount"]), _cents(row["open_expected_amount"])
            )
            for row in query(BOOKINGS_QUERY)
        },
        risk={
            (_goal_cell(row), _month(row["fiscal_quarter_start"])): Risk(
                _cents(row["open_expected_amount"]),
                _cents(row["open_variance"]),
                _cents(row["largest_deal_amount"]),
                round(float(row["largest_deal_probability"] or 0), 8),
            )
            for row in query(RISK_QUERY)
        },
        created={
            (
                Cell(*(str(row[name]) for name in Cell._fields)),
                _month(row["fiscal_month"]),
            ): Created(float(row["created_count"] or 0), _cents(row["created_amount"]))
            for row in query(CREATED_QUERY)
        },
        growth={
            (str(row["segment"]), _month(row["fiscal_month"])): round(
                float(row["growth_factor"]), 8
            )
            for row in query(GROWTH_QUERY)
        },
    )


def _goal_cell(row: Row) -> GoalCell:
    return GoalCell(*(str(row[name]) for name in GoalCell._fields))


def _cents(value: Any) -> float:
    return round(float(value or 0), 2) + 0.0


def _month(value: Any) -> int:
    return month_of(value if isinstance(value, date) else date.fromisoformat(str(value)[:10]))


def make_timeline(goals: Goals, months: int, as_of: date, fiscal_year_start_month: int) -> Timeline:
    """Return the timeline of `months` months from the goals' first on, as of the end of a day."""
    calendar = goals.first_month + np.arange(months)
    quarter = (calendar - (fiscal_year_start_month - 1)) // MONTHS_PER_QUARTER
    tomorrow = as_of + timedelta(days=1)
    first_free = month_of(tomorrow) - goals.first_month
    return Timeline(
        first_month=goals.first_month,
        period=quarter - quarter[0],
        first_free=min(max(first_free, 0), months - 1),
        elapsed=share_of_month(tomorrow) if 0 <= first_free < months else 0.0,
    )


def lay_out(
    book: StandingBook, assumptions: CellAssumptions, timeline: Timeline, as_of: date
) -> Standing:
    """Arrange what stands on a timeline; see `Standing` for shapes.

    Where the plan begins later than the day after `as_of`, the pipeline created in between is that
    of `creation_to_come`, and what it brings is added to the bookings.
    """
    first, span = timeline.first_month, len(timeline.period)
    booked, expected = _on_months(book.bookings, assumptions.goal_cells, first, span, 2)
    gone = timeline.first_free + (timeline.elapsed > 0)
    created, created_amount = created_on(book, assumptions.cells, first, int(gone), span)
    return Standing(
        bookings=booked + expected + _bridge(book, assumptions, timeline, as_of),
        booked=booked,
        created=created,
        created_amount=created_amount,
    )


def open_risk(book: StandingBook, assumptions: CellAssumptions, timeline: Timeline) -> OpenRisk:
    """Arrange what is not certain about open deals by the periods of a timeline."""
    span = len(timeline.period)
    parts = _on_months(book.risk, assumptions.goal_cells, timeline.first_month, span, 4)
    return OpenRisk(*(by_period(part, timeline.period) for part in parts))


def _on_months(
    figures: Mapping[tuple[Any, int], tuple[float, ...]],
    cells: Sequence[Any],
    first: int,
    span: int,
    count: int,
) -> list[FloatArray]:
    """Return `count` arrays (cells, span) of figures by cell and month; what is not there is 0."""
    position = {cell: index for index, cell in enumerate(cells)}
    arrays = [np.zeros((len(cells), span)) for _ in range(count)]
    for (cell, month), numbers in figures.items():
        if cell in position and 0 <= month - first < span:
            for array, number in zip(arrays, numbers, strict=True):
                array[position[cell], month - first] = number
    return arrays


def created_on(
    book: StandingBook, cells: Sequence[Cell], first: int, gone: int, span: int
) -> tuple[FloatArray, FloatArray]:
    """Return (C, span) counts and amounts created in the first `gone` months from `first` on."""
    count, amount = _on_months(book.created, cells, first, span, 2)
    count[:, gone:] = 0.0
    amount[:, gone:] = 0.0
    return count, amount


def creation_to_come(
    book: StandingBook, assumptions: CellAssumptions, start: int, ahead: IntArray
) -> FloatArray:
    """Return (C, M) opportunities created in the M months `ahead` if creation goes on.

    That is the mean month of the `RECENT_MONTHS` before month `start`, the one of the day after the
    as-of date, at the growth and the season of each month.
    """
    cells = assumptions.cells
    recent, _ = created_on(book, cells, start - RECENT_MONTHS, RECENT_MONTHS, RECENT_MONTHS)
    growth = {
        segment: _growth_in(book, segment, ahead) for segment in {cell.segment for cell in cells}
    }
    factors = np.array([growth[cell.segment] for cell in cells]).reshape(len(cells), len(ahead))
    count = recent.mean(axis=1)[:, np.newaxis] * assumptions.creation[:, ahead % 12] * factors
    return np.asarray(count)


def _growth_in(book: StandingBook, segment: str, months: IntArray) -> FloatArray:
    """Return the growth factors of a segment; beyond the last month known, that of the last."""
    for name in (segment, COMPANY):
        known = sorted((month, f) for (of, month), f in book.growth.items() if of == name)
        if known:
            of_month, factors = np.array(known, dtype=np.float64).T
            return np.asarray(np.interp(months, of_month, factors))
    return np.ones(len(months))


def _bridge(
    book: StandingBook, assumptions: CellAssumptions, timeline: Timeline, as_of: date
) -> FloatArray:
    """Return (G, N) bookings of what is created between the as-of date and the plan's beginning."""
    span, first = len(timeline.period), timeline.first_month
    start = month_of(as_of + timedelta(days=1))
    between = first - start
    if between <= 0:
        return np.zeros((len(assumptions.goal_cells), span))
    count = creation_to_come(book, assumptions, start, start + np.arange(between))
    count[:, 0] *= 1 - share_of_month(as_of + timedelta(days=1))
    brought = forward(count, assumptions, start)[:, between : between + span]
    return np.pad(brought, ((0, 0), (0, span - brought.shape[1])))
