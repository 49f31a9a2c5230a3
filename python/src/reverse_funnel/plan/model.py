"""What a plan is made of: cells, goals, assumptions, and the creation that serves the goals.

Shapes: C planning cells, G goal cells (a planning cell without its source), M months of creation,
B months of bookings, K + 1 lags. Counts are opportunities, amounts the corporate currency, lags
months. A value that was not measured is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# The value of a dimension that is not planned by, and of one that no mapping covers.
ALL = "all"
UNMAPPED = "unmapped"

MONTHS_IN_YEAR = 12
MONTHS_PER_QUARTER = 3

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
    won_amount_variation
        (C,) coefficient of variation of the amount of one won opportunity.
    kernel
        (C, K + 1) share of the wins that come k months after qualification; rows sum to 1.
    upstream
        The steps before qualification, nearest first.
    closing, creation
        (C, 12) index of how much more or less is closed, and created, in each month of the year,
        January first; 1 on average.

    """

    cells: tuple[Cell, ...]
    goal_cells: tuple[GoalCell, ...]
    goal_index: IntArray
    mix: Estimate
    win_rate: Estimate
    won_amount: Estimate
    won_amount_variation: FloatArray
    amount_at_qualification: Estimate
    kernel: FloatArray
    upstream: tuple[UpstreamStep, ...]
    closing: FloatArray
    creation: FloatArray

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

    @property
    def creation_share(self) -> FloatArray:
        """(C,) share of the goal cell's creation that the cell is to bring.

        The measured mix, with the shares of cells that are not measured taken on by the others; 0
        in all cells of a goal cell none of which is measured.
        """
        mix = np.where(self.measured, self.mix.value, 0.0)
        total = np.bincount(self.goal_index, weights=mix, minlength=len(self.goal_cells))
        of_goal_cell = total[self.goal_index]
        return np.divide(mix, of_goal_cell, out=np.zeros_like(mix), where=of_goal_cell > 0)


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
class Timeline:
    """The N months a plan is made over: what time of the year they are, and which are gone.

    Attributes
    ----------
    first_month
        The month of the first column (see `months`).
    period
        (N,) number of each month's goal period, the fiscal quarter; ascending from 0.
    first_free
        Creation of the months before is what it was.
    elapsed
        Share of the month `first_free` that is gone already, from 0 to less than 1.
    length
        Months in a whole period.

    """

    first_month: int
    period: IntArray
    first_free: int = 0
    elapsed: float = 0.0
    length: int = MONTHS_PER_QUARTER

    @property
    def seasons(self) -> IntArray:
        """(N,) the month of the year, 0 for January."""
        return (self.first_month + np.arange(len(self.period))) % MONTHS_IN_YEAR


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure the p80 form of a plan is to be.

    Attributes
    ----------
    level
        Probability with which each quarter's goal is to be reached.
    held_by
        Who is to reach it: the company, or each segment, segment and deal type, or goal cell. The
        finer, the more creation it takes, since luck evens out within a group.
    common_shock
        Standard deviation of what makes all deals of a quarter do better or worse together, as a
        share of the bookings expected.

    """

    LEVELS: ClassVar[tuple[str, ...]] = (
        "company",
        "segment",
        "segment_deal_type",
        "goal_cell",
    )

    level: float = 0.8
    held_by: str = "company"
    common_shock: float = 0.05


@dataclass(frozen=True, slots=True)
class OpenRisk:
    """What is not certain about open deals, by goal cell and period, arrays (G, Q).

    Attributes
    ----------
    mean, variance
        Of the bookings that open deals bring in the period.
    largest, largest_probability
        Amount of the open deal that weighs most, and its chance of being won in the period.

    """

    mean: FloatArray
    variance: FloatArray
    largest: FloatArray
    largest_probability: FloatArray


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands before anything more is created, over the N months of a timeline.

    Attributes
    ----------
    bookings
        (G, N) bookings of each month: booked, and expected of what is open.
    booked
        (G, N) those that are booked.
    created
        (C, N) opportunities created in months gone by and so far in the running one; 0 later.
    created_amount
        (C, N) their amount when they qualified.
    reference
        (G, N) creation planned for the months gone by, so that the months to come follow on from
        it; None where there was no plan.
    cap
        (G, N) most that can be created in a month, for reasons of capacity; None for no limit.

    """

    bookings: FloatArray
    booked: FloatArray
    created: FloatArray
    created_amount: FloatArray
    reference: FloatArray | None = None
    cap: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """The qualified opportunities to create, and what creation cannot serve.

    Attributes
    ----------
    count
        (C, M) opportunities to create by cell and month; NaN in cells that are not measured, and
        in all cells of a goal cell none of which brings any bookings.
    served_before
        (G, B) bookings of each month that only pipeline created before serves.
    unreachable
        (G, B) bookings of each month that no creation can serve.
    bookings
        (G, B) bookings to be expected of each month.

    """

    count: FloatArray
    served_before: FloatArray
    unreachable: FloatArray
    bookings: FloatArray
