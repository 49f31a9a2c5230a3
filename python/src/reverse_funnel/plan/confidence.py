"""How much more than the expected creation makes a goal likely to be reached.

What a quarter will book is what is booked, plus a sum over open deals and over deals yet to be
created. Its mean and variance are sums (docs/methods/targets.md):

    open deals      Σ (A·g)² · (p · (1 + v²) - p²)       from the warehouse
    creation        Σ x · a² · (p · (1 + v²) - p²)
    parameters      (Σ x · a · p · e)² for each segment and deal type
    a common shock  (φ · mean of all that is not booked)²

with p the chance that a deal is won in the quarter, a its mean amount, v that amount's
coefficient of variation and e the relative standard error of a · p. Cells of one segment and deal
type err together, since they are drawn towards the same parent. The sum is taken to be gamma
distributed with that mean and variance (Dickson, *Insurance Risk and Ruin*, 2nd ed. 2016, section
4.8). Where one open deal is more than a fifth of what is still expected, that says too little of
a sum which has it or has it not, and the chance is simulated instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc, gammaincinv, pdtrik

from reverse_funnel.plan.kernels import seasonal_kernel
from reverse_funnel.plan.model import (
    CellAssumptions,
    Confidence,
    FloatArray,
    GoalCell,
    IntArray,
    OpenRisk,
    Timeline,
)
from reverse_funnel.plan.sums import by_goal_cell, by_period

# One open deal of more than this share of what is still expected is simulated.
LARGE_SHARE = 0.20
DRAWS = 4_000
_SEED = 20_260_101
# Half the width of a 95 % interval in standard errors, twice.
_INTERVAL = 2 * 1.959964
_STEPS = 40


@dataclass(frozen=True, slots=True)
class NewBookings:
    """What creation brings in each goal cell and period, arrays (G, Q) but `deals`.

    Attributes
    ----------
    mean, variance
        Of the bookings, the parameters being what they are assumed to be.
    parameter_error
        Standard error of the mean because the parameters are estimates.
    wins
        Expected number of wins.

    """

    mean: FloatArray
    variance: FloatArray
    parameter_error: FloatArray
    wins: FloatArray


@dataclass(frozen=True, slots=True)
class Outlook:
    """Bookings of R groups of goal cells in Q periods, arrays (R, Q).

    Attributes
    ----------
    goal
        Bookings goal.
    booked
        Booked already.
    open_mean, open_variance
        Of the bookings from open deals.
    largest, largest_probability
        The open deal that weighs most, and its chance of being won in the period.
    new_mean, new_variance, new_error, new_wins
        As in `NewBookings`.
    shock
        Standard deviation of the common shock, as a share of what is not booked.

    """

    goal: FloatArray
    booked: FloatArray
    open_mean: FloatArray
    open_variance: FloatArray
    largest: FloatArray
    largest_probability: FloatArray
    new_mean: FloatArray
    new_variance: FloatArray
    new_error: FloatArray
    new_wins: FloatArray
    shock: float

    @property
    def has_large_deal(self) -> FloatArray:
        """(R, Q) 1 where one open deal is more than a fifth of what is still expected."""
        expected = self.open_mean + self.new_mean
        return np.asarray((self.largest > LARGE_SHARE * expected) & (self.largest > 0), np.float64)

    def chance(self) -> FloatArray:
        """Return (R, Q) the probability that the goal is reached; 1 where it is booked."""
        return _chance(self, self.new_mean)

    def mean_needed(self, level: float) -> FloatArray:
        """Return (R, Q) the bookings that creation must be expected to bring.

        So much that the goal is reached with probability `level`; at least what is lacking in
        expectation. Variance grows with creation, its parts as in this module's first paragraph.
        """
        lacking = np.maximum(self.goal - self.booked - self.open_mean, 0.0)
        low, high = lacking, lacking + np.maximum(self.goal, 0.0)
        for _ in range(6):
            high = np.where(_chance(self, high) < level, high * 2, high)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            enough = _chance(self, middle) >= level
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.where(_chance(self, lacking) >= level, lacking, high)


def _moments(outlook: Outlook, new_mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of what is not booked, for another mean of what creation brings."""
    mean = outlook.open_mean + new_mean
    variance = outlook.open_variance + _per_unit(outlook, outlook.new_variance) * new_mean
    error = _per_unit(outlook, outlook.new_error) * new_mean
    return mean, variance + error**2 + (outlook.shock * mean) ** 2


def _per_unit(outlook: Outlook, figure: FloatArray) -> FloatArray:
    """Return a figure for each unit of mean; where creation brings nothing yet, the group's."""
    whole = outlook.new_mean.sum(axis=1, keepdims=True)
    usual = figure.sum(axis=1, keepdims=True) / np.where(whole > 0, whole, 1.0)
    unit: FloatArray = np.where(
        outlook.new_mean > 0, figure / np.where(outlook.new_mean > 0, outlook.new_mean, 1.0), usual
    )
    return unit


def _chance(outlook: Outlook, new_mean: FloatArray) -> FloatArray:
    mean, variance = _moments(outlook, new_mean)
    lacking = outlook.goal - outlook.booked
    safe_mean, safe_variance = np.maximum(mean, 1e-9), np.maximum(variance, 1e-12)
    shape = safe_mean**2 / safe_variance
    chance = gammaincc(shape, np.maximum(lacking, 0.0) * safe_mean / safe_variance)
    for group, period in np.argwhere((outlook.has_large_deal > 0) & (lacking > 0)):
        one = simulate(outlook, int(group), int(period), float(new_mean[group, period]))
        chance[group, period] = np.mean(one >= lacking[group, period])
    return np.where(lacking <= 0, 1.0, np.where(mean > 0, chance, 0.0))


def simulate(
    outlook: Outlook, group: int, period: int, new_mean: float, draws: int = DRAWS
) -> FloatArray:
    """Draw what a group books in a period beyond what is booked, (draws,).

    The largest open deal is won or not; the others together are gamma distributed; new wins are
    Poisson, their amounts gamma. The same draws serve every `new_mean`.
    """
    at = (group, period)
    uniform = np.random.default_rng(_SEED).random((5, draws))
    largest, probability = outlook.largest[at], outlook.largest_probability[at]
    total = np.where(uniform[0] < probability, largest, 0.0)
    rest = max(outlook.open_mean[at] - largest * probability, 0.0)
    rest_variance = outlook.open_variance[at] - largest**2 * probability * (1 - probability)
    total += _gamma(rest, rest_variance, uniform[1])
    if new_mean > 0 and outlook.new_wins[at] > 0:
        amount = outlook.new_mean[at] / outlook.new_wins[at]
        relative = outlook.new_variance[at] / (outlook.new_mean[at] * amount) - 1
        # pdtrik is the Poisson quantile before rounding up
        wins = np.ceil(np.maximum(pdtrik(uniform[2], new_mean / amount), 0.0))
        shape = wins / max(relative, 1e-6)
        sizes = np.where(wins > 0, gammaincinv(np.maximum(shape, 1e-9), uniform[3]), 0.0)
        error = outlook.new_error[at] / outlook.new_mean[at]
        total += amount * max(relative, 1e-6) * sizes * _factor(error, uniform[4])
    return total * _factor(outlook.shock, np.roll(uniform[4], draws // 3))


def _gamma(mean: float, variance: float, uniform: FloatArray) -> FloatArray:
    if mean <= 0 or variance <= 0:
        return np.full_like(uniform, max(mean, 0.0))
    return np.asarray(gammaincinv(mean**2 / variance, uniform) * variance / mean)


def _factor(deviation: float, uniform: FloatArray) -> FloatArray:
    """Return gamma distributed factors with mean 1."""
    return _gamma(1.0, deviation**2, uniform)


def new_bookings(
    assumptions: CellAssumptions, timeline: Timeline, to_create: FloatArray
) -> NewBookings:
    """Return what creation brings; `to_create` is (C, N), 0 in months gone by."""
    count = np.nan_to_num(to_create)
    amount = np.nan_to_num(assumptions.won_amount.value)
    chance = np.where(assumptions.measured, np.nan_to_num(assumptions.win_rate.value), 0.0)
    kernel = chance[:, np.newaxis, np.newaxis] * seasonal_kernel(
        np.nan_to_num(assumptions.kernel), assumptions.closing
    )
    spread = 1 + assumptions.won_amount_variation**2

    def total(worth: FloatArray, probability: FloatArray) -> FloatArray:
        return _summed(count * worth[:, np.newaxis], probability, assumptions, timeline)

    mean = total(amount, kernel)
    return NewBookings(
        mean=mean,
        variance=total(amount**2 * spread, kernel) - total(amount**2, kernel**2),
        parameter_error=total(amount * _relative_error(assumptions), kernel),
        wins=total(np.ones_like(amount), kernel),
    )


def _summed(
    weight: FloatArray, probability: FloatArray, assumptions: CellAssumptions, timeline: Timeline
) -> FloatArray:
    """Return (G, Q) sums of weight (C, N) times probability (C, 12, K + 1) where it falls due."""
    span, lags = len(timeline.period), probability.shape[2]
    due = np.zeros_like(weight)
    for lag in range(min(lags, span)):
        kernel = probability[:, timeline.seasons[: span - lag], lag]
        due[:, lag:] += weight[:, : span - lag] * kernel
    by_goal = by_goal_cell(due, assumptions.goal_index, len(assumptions.goal_cells))
    return by_period(by_goal, timeline.period)


def _relative_error(assumptions: CellAssumptions) -> FloatArray:
    """Return (C,) the standard error of win rate times amount, as a share of it."""
    rate, amount = assumptions.win_rate, assumptions.won_amount
    with np.errstate(divide="ignore", invalid="ignore"):
        of_rate = (rate.upper - rate.lower) / _INTERVAL / rate.value
        of_amount = (np.log(amount.upper) - np.log(amount.lower)) / _INTERVAL
    error = np.sqrt(np.nan_to_num(of_rate) ** 2 + np.nan_to_num(of_amount) ** 2)
    return np.where(np.isfinite(error), error, 0.0)


def make_outlook(
    goals: FloatArray,
    booked: FloatArray,
    open_: OpenRisk,
    new: NewBookings,
    groups: IntArray,
    cells: tuple[GoalCell, ...],
    shock: float,
) -> Outlook:
    """Add goal cells up to groups.

    `goals` and `booked` are (G, Q), `groups` (G,) the number of each goal cell's group.
    """
    count = int(groups.max()) + 1

    def total(values: FloatArray) -> FloatArray:
        return by_goal_cell(values, groups, count)

    # Goal cells of a segment and deal type err together, others on their own.
    kinds = {kind: at for at, kind in enumerate(sorted({cell[:2] for cell in cells}))}
    together = groups * len(kinds) + np.array([kinds[cell[:2]] for cell in cells])
    error = by_goal_cell(new.parameter_error, together, count * len(kinds))
    squared = (error**2).reshape(count, len(kinds), -1).sum(axis=1)
    weight = open_.largest * open_.largest_probability
    leading = np.zeros((count, goals.shape[1]), dtype=np.int64)
    for group in range(count):
        members = np.flatnonzero(groups == group)
        leading[group] = members[weight[members].argmax(axis=0)]
    periods = np.arange(goals.shape[1])
    return Outlook(
        goal=total(goals),
        booked=total(booked),
        open_mean=total(open_.mean),
        open_variance=total(open_.variance),
        largest=open_.largest[leading, periods],
        largest_probability=open_.largest_probability[leading, periods],
        new_mean=total(new.mean),
        new_variance=total(new.variance),
        new_error=np.sqrt(squared),
        new_wins=total(new.wins),
        shock=shock,
    )


def group_of(cells: tuple[GoalCell, ...], held_by: str) -> IntArray:
    """Return (G,) the number of the group that each goal cell belongs to."""
    depth = Confidence.LEVELS.index(held_by)
    names = [cell[:depth] for cell in cells]
    number = {name: at for at, name in enumerate(sorted(set(names)))}
    return np.array([number[name] for name in names], dtype=np.int64)


def loaded_goals(
    goals: FloatArray,
    outlook: Outlook,
    groups: IntArray,
    stands: FloatArray,
    timeline: Timeline,
    confidence: Confidence,
) -> FloatArray:
    """Return the goals that expected bookings must reach for the real ones to be as likely.

    What a group needs beyond its goal in a period is divided among its goal cells in proportion to
    what each has to create for, and among the months as the goals are.

    Parameters
    ----------
    goals
        (G, N) bookings goals.
    outlook
        Of the groups, with the creation that is expected to reach the goals.
    groups
        (G,) group of each goal cell.
    stands
        (G, N) bookings made and expected of open deals.
    timeline, confidence
        The months, and how sure to be.

    Returns
    -------
    (G, N), nowhere less than the goals.

    """
    period = timeline.period
    by_quarter = by_period(goals, period)
    expected = outlook.booked + outlook.open_mean + outlook.mean_needed(confidence.level)
    extra = np.maximum(expected - outlook.goal, 0.0)
    extra[:, : int(period[timeline.first_free])] = 0.0
    lacking = np.maximum(by_quarter - by_period(stands, period), 0.0)
    count = outlook.goal.shape[0]
    total = by_goal_cell(lacking, groups, count)
    weight = np.where(total[groups] > 0, lacking, by_quarter)
    whole = np.maximum(by_goal_cell(weight, groups, count), 1e-300)
    of_cell = extra[groups] * weight / whole[groups]
    share = goals / np.maximum(by_quarter, 1e-300)[:, period]
    return goals + of_cell[:, period] * share
