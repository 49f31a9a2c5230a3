"""The published arithmetic of the reverse funnel: one goal, one average deal, one rate a step.

Every function takes floats or arrays of one shape and returns exact real values; `whole` rounds up
for display and is never applied in between, because rounding each step compounds (a coverage of
4.65 where the exact one is 4.545). Sources: Insight Partners, *Reverse Funnel Math*; Kellogg, *Why
Every Startup Needs an Inverted Demand Generation Funnel*, parts I to III.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Values = TypeVar("Values", float, FloatArray)


def deals_needed(goal: Values, won_amount: Values) -> Values:
    """Deals that make a bookings goal: goal ÷ average won amount, both in one currency."""
    return goal / won_amount


def needed_before(count: Values, rate: Values) -> Values:
    """Count needed one step earlier in the funnel: count ÷ rate of passing from there to here.

    Opportunities from deals and the win rate, meetings from opportunities and the qualification
    rate, leads from meetings and the acceptance rate.
    """
    return count / rate


def pipeline_amount(opportunities: Values, amount_at_qualification: Values) -> Values:
    """Pipeline to create, in currency: opportunities times mean amount when they qualify.

    With an amount that has grown until the deal was won this would count growth twice.
    """
    return opportunities * amount_at_qualification


def coverage(pipeline: Values, goal: Values) -> Values:
    """Pipeline coverage: open pipeline ÷ bookings goal, a multiple such as 3.0."""
    return pipeline / goal


def expected_attainment(pipeline: Values, goal: Values, win_rate: Values) -> Values:
    """Share of the goal that a pipeline is expected to bring: pipeline * win rate / goal.

    Some call this coverage; it is not (1.25 is 125 % of the goal, not 1.25 times the pipeline).
    """
    return pipeline * win_rate / goal


def shortfall(pipeline: Values, goal: Values, win_rate: Values) -> Values:
    """Goal less what the pipeline is expected to bring, in currency; negative is a surplus."""
    return goal - pipeline * win_rate


@overload
def whole(count: float) -> int: ...
@overload
def whole(count: FloatArray) -> npt.NDArray[np.int64]: ...
def whole(count: float | FloatArray) -> int | npt.NDArray[np.int64]:
    """Round up to whole deals, opportunities or leads, for display only.

    A count that is whole but for floating-point noise (21 ÷ 0.7 = 30.000000000000004) stays.
    """
    ceiling = np.ceil(np.asarray(count) - 1e-9 * np.maximum(1.0, np.abs(count))).astype(np.int64)
    return int(ceiling) if np.ndim(count) == 0 else ceiling


@dataclass(frozen=True, slots=True)
class PointPlan:
    """A goal worked backwards, exactly.

    `steps` holds the counts from deals upwards: deals, then one count for each rate.
    """

    goal: float
    steps: tuple[float, ...]
    pipeline: float

    @property
    def deals(self) -> float:
        """Deals to be won."""
        return self.steps[0]

    @property
    def opportunities(self) -> float:
        """Qualified opportunities to be created."""
        return self.steps[1]

    @property
    def coverage(self) -> float:
        """Pipeline created ÷ goal."""
        return coverage(self.pipeline, self.goal)


def point_plan(
    goal: float,
    won_amount: float,
    rates: Sequence[float],
    *,
    amount_at_qualification: float | None = None,
    cascade: bool = False,
) -> PointPlan:
    """Work a bookings goal backwards through the funnel.

    Parameters
    ----------
    goal
        Bookings goal, in currency.
    won_amount
        Mean amount of a won deal, in the same currency.
    rates
        The win rate first, then each earlier step's rate: qualification, meeting, lead.
    amount_at_qualification
        Mean amount when an opportunity qualifies; by default the won amount.
    cascade
        Round up at every step, as published examples do. For comparison with them only.

    """
    if not rates:
        raise ValueError("a plan needs at least the win rate")

    def settle(count: float) -> float:
        return float(whole(count)) if cascade else count

    steps = [settle(deals_needed(goal, won_amount))]
    for rate in rates:
        steps.append(settle(needed_before(steps[-1], rate)))
    entry = won_amount if amount_at_qualification is None else amount_at_qualification
    return PointPlan(goal=goal, steps=tuple(steps), pipeline=pipeline_amount(steps[1], entry))
