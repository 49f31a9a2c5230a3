"""What a plan is made of: cells, goals, assumptions, and the creation that serves the goals.

Shapes: C planning cells, G goal cells (a planning cell without its source), M months of creation,
B months of bookings, K + 1 lags. Counts are opportunities, amounts the corporate currency, lags
months. A value that was not measured is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# The value of a dimension that is not planned by, and of one that no mapping covers.
ALL = "all"
UNMAPPED = "unmapped"

FUNNEL_STEPS = ("lead", "meeting_accepted", "meeting_completed", "qualified")


class GoalCell(NamedTuple):
    """The dimensions finance sets goals by."""

    segment: str
    deal_type: str
    territory: str


class Cell(NamedTuple):
    """The planning cell: the dimensions targets are set by."""

    segment: str
    deal_type: str
    territory: str
    pipeline_source: str
    custom_dimension: str

    @property
    def goal_cell(self) -> GoalCell:
        """The goal cell this cell works towards."""
        return GoalCell(self.segment, self.deal_type, self.territory)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured quantity per cell, each array (C,), with the interval it is known to."""

    value: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, slots=True)
class UpstreamStep:
    """A funnel step before qualification.

    Attributes
    ----------
    name
        One of `FUNNEL_STEPS` but the last.
    per_qualified
        (C,) count at this step per qualified opportunity: 1 ÷ the product of the rates between.
        NaN where a rate on the way is not measured, or is 0.
    kernel
        (C, J + 1) share of them that comes j months before qualification; rows sum to 1.

    """

    name: str
    per_qualified: FloatArray
    kernel: FloatArray


@dataclass(frozen=True, slots=True)
class CellAssumptions:
    """What each planning cell is measured to do.

    Attributes
    ----------
    cells
        C planning cells in sorted order.
    goal_cells
        G goal cells in sorted order.
    goal_index
        (C,) position of each cell's goal cell.
    mix
        Share of the goal cell's qualified opportunities that this cell brings; sums to 1 there.
    win_rate
        Share of qualified opportunities that are ever won (cohort close rate at its horizon).
    won_amount, amount_at_qualification
        Mean amount when won, and when qualified.
    kernel
        (C, K + 1) share of the wins that come k months after qualification; rows sum to 1.
    upstream
        The steps before qualification, nearest first.

    """

    cells: tuple[Cell, ...]
    goal_cells: tuple[GoalCell, ...]
    goal_index: IntArray
    mix: Estimate
    win_rate: Estimate
    won_amount: Estimate
    amount_at_qualification: Estimate
    kernel: FloatArray
    upstream: tuple[UpstreamStep, ...]

    @property
    def measured(self) -> BoolArray:
        """(C,) cells whose share, win rate, won amount and lag are all known."""
        known = np.isfinite(self.mix.value) & np.isfinite(self.win_rate.value)
        known &= np.isfinite(self.won_amount.value) & np.isfinite(self.kernel).all(axis=1)
        return known & (np.nan_to_num(self.mix.value) > 0)

    @property
    def yield_per_opportunity(self) -> FloatArray:
        """(C,) bookings expected of one qualified opportunity; 0 where not measured."""
        expected = self.win_rate.value * self.won_amount.value
        return np.where(self.measured, expected, 0.0)


@dataclass(frozen=True, slots=True)
class Goals:
    """Bookings goals by goal cell and month.

    `amount` is (G, T) for T consecutive months from `first_month` (see `months`).
    """

    cells: tuple[GoalCell, ...]
    first_month: int
    amount: FloatArray

    @property
    def months(self) -> int:
        """T, the number of months with goals."""
        return int(self.amount.shape[1])


@dataclass(frozen=True, slots=True)
class Creation:
    """The qualified opportunities to create, and what creation cannot serve.

    Attributes
    ----------
    count
        (C, M) opportunities to create by cell and month; NaN in cells that are not measured, and
        in all cells of a goal cell none of which brings any bookings.
    served_before
        (G, B) bookings of each month that only pipeline created before the first month serves.
    unreachable
        (G, B) bookings of each month that no creation can serve.
    count_p80
        (C, M) creation that reaches the goal in 80 of 100 cases; None where the method cannot tell.

    """

    count: FloatArray
    served_before: FloatArray
    unreachable: FloatArray
    count_p80: FloatArray | None = None


class Solver(Protocol):
    """Finds the creation that serves the goals.

    `goals` is (G, B) bookings by goal cell and month, reaching far enough beyond the last month of
    creation that creation in it still has a purpose: B = `months` + K. Returns `months` months.
    """

    def __call__(self, goals: FloatArray, assumptions: CellAssumptions, months: int) -> Creation:
        """Solve."""
        ...
