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
# Pipeline between the as-of date and the plan's first month is taken to be created as it was in
# the months before.
RECENT_MONTHS = 12

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

    Months, and a quarter's first month, are those of `months`; amounts are in corporate currency,
    rounded to cents.
    """

    bookings: Mapping[tuple[GoalCell, int], Bookings] = field(default_factory=dict)
    risk: Mapping[tuple[GoalCell, int], Risk] = field(default_factory=dict)
    created: Mapping[tuple[Cell, int], Created] = field(default_factory=dict)

    def terms(self) -> list[list[str]]:
        """Return everything in it as sorted text, for the hash of a plan's inputs."""
        return sorted(
            [name, *cell, str(month), *(f"{number:.4f}" for number in figures)]
            for name, part in (
                ("bookings", self.bookings),
                ("risk", self.risk),
                ("created", self.created),
            )
            for (cell, month), figures in part.items()
        )


def read_standing(query: Query) -> StandingBook:
    """Read the three models through a query function."""
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

    Where the plan begins later than the day after `as_of`, the pipeline created in between is taken
    to be that of an average month of the last twelve, and what it brings is added to the bookings.
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


def _bridge(
    book: StandingBook, assumptions: CellAssumptions, timeline: Timeline, as_of: date
) -> FloatArray:
    """Return (G, N) bookings of what is created between the as-of date and the plan's beginning."""
    span, first = len(timeline.period), timeline.first_month
    start = month_of(as_of + timedelta(days=1))
    between = first - start
    if between <= 0:
        return np.zeros((len(assumptions.goal_cells), span))
    recent, _ = created_on(
        book, assumptions.cells, start - RECENT_MONTHS, RECENT_MONTHS, RECENT_MONTHS
    )
    seasons = (start + np.arange(between)) % 12
    count = recent.mean(axis=1)[:, np.newaxis] * assumptions.creation[:, seasons]
    count[:, 0] *= 1 - share_of_month(as_of + timedelta(days=1))
    brought = forward(count, assumptions, start)[:, between : between + span]
    return np.pad(brought, ((0, 0), (0, span - brought.shape[1])))
