"""From goals to creation and back again: pure functions on arrays.

The solver through a distribution has a module of its own, `distribution`.
"""

from __future__ import annotations

import numpy as np

from reverse_funnel.plan.kernels import seasonal_kernel
from reverse_funnel.plan.model import (
    MONTHS_IN_YEAR,
    CellAssumptions,
    Creation,
    FloatArray,
    UpstreamStep,
)
from reverse_funnel.plan.sums import by_goal_cell


def extend_goals(amount: FloatArray, months: int, growth: float = 0.0) -> FloatArray:
    """Extend goals beyond their last month, so that late creation still has a purpose.

    Each further month repeats the same month one year earlier * (1 + growth). Where the goals span
    less than a year there is no such month: their mean stands in for it.

    Parameters
    ----------
    amount
        (G, T) goals.
    months
        Number of months wanted, at least T.
    growth
        Growth from one year to the next, 0.1 for 10 %.

    Returns
    -------
    (G, months)

    """
    cells, given = amount.shape
    extended = np.empty((cells, max(months, given)))
    extended[:, :given] = amount
    for month in range(given, months):
        year_earlier = extended[:, month - 12] if month >= 12 else amount.mean(axis=1)
        extended[:, month] = year_earlier * (1.0 + growth)
    return extended


def fixed_lag(goals: FloatArray, assumptions: CellAssumptions, months: int) -> Creation:
    """Serve each month's goal by creating once, one average cycle earlier.

    In goal cell g, bookings per opportunity are v = Σ_c mix_c · win_rate_c · won_amount_c, so month
    t needs goal ÷ v opportunities, source c brings mix_c of them, and creates them lag_c months
    earlier. Exact by count: the mix is scale-free and nothing is rounded. It ignores that wins
    spread around the lag: harmless for goals that grow evenly, 83 to 120 % of goal a quarter for
    seasonal ones.

    A cell that is not measured gets no target, and the measured ones carry the whole goal. A goal
    cell none of whose sources brings anything is unreachable.

    Parameters
    ----------
    goals
        (G, B) bookings goals.
    assumptions
        Each cell's kernel holds all its weight at one lag.
    months
        M, the months of creation wanted from the first month of `goals`; B ≥ M + K.

    """
    booking_months = goals.shape[1]
    index = assumptions.goal_index
    measured = assumptions.measured
    mix = np.where(measured, assumptions.mix.value, 0.0)
    per_opportunity = by_goal_cell(
        (mix * assumptions.yield_per_opportunity)[:, np.newaxis], index, goals.shape[0]
    )
    reachable = per_opportunity > 0  # (G, 1)
    opportunities = np.divide(goals, per_opportunity, out=np.zeros_like(goals), where=reachable)

    # needed[c, t]: created by cell c, whenever that is, to serve the bookings of month t.
    needed = opportunities[index] * mix[:, np.newaxis]
    lag = np.where(measured, np.nan_to_num(assumptions.kernel).argmax(axis=1), 0)
    months_served = np.arange(months) + lag[:, np.newaxis]
    count = np.take_along_axis(needed, months_served, axis=1)
    count[~measured | ~reachable[index, 0]] = np.nan

    too_early = np.arange(booking_months) < lag[:, np.newaxis]
    before = np.where(too_early, needed * assumptions.yield_per_opportunity[:, np.newaxis], 0.0)
    unreachable = np.where(reachable, 0.0, goals)
    return Creation(
        count=count,
        served_before=by_goal_cell(before, index, goals.shape[0]),
        unreachable=unreachable,
        bookings=goals - unreachable,
    )


def forward(count: FloatArray, assumptions: CellAssumptions, first_month: int = 0) -> FloatArray:
    """Simulate the bookings that a creation brings: the inverse of a solver.

    `count` is (C, M) opportunities created from `first_month` on (see `months`); the result
    (G, M + K) bookings, where month t gets Σ_c Σ_k count[c, t - k] · κ[c, t - k, k] · win_rate_c ·
    won_amount_c with κ the kernel bent to the season (`seasonal_kernel`).
    """
    cells, months = count.shape
    worth = np.nan_to_num(count) * assumptions.yield_per_opportunity[:, np.newaxis]
    seasons = (first_month + np.arange(months)) % MONTHS_IN_YEAR
    kernel = seasonal_kernel(np.nan_to_num(assumptions.kernel), assumptions.closing)[:, seasons]
    lags = kernel.shape[2]
    bookings = np.zeros((cells, months + lags - 1))
    for lag in range(lags):
        bookings[:, lag : lag + months] += worth * kernel[:, :, lag]
    return by_goal_cell(bookings, assumptions.goal_index, len(assumptions.goal_cells))


def upstream_count(creation: FloatArray, step: UpstreamStep, months: int) -> FloatArray:
    """Return what an earlier funnel step needs so that the creation can happen.

    Parameters
    ----------
    creation
        (C, M) opportunities to qualify by month; M ≥ `months` + J.
    step
        The step, with J + 1 lags.
    months
        The number of months wanted.

    Returns
    -------
    (C, months): Σ_j creation[c, s + j] · kernel[c, j] · per_qualified_c. NaN where not measured.

    """
    needed = np.zeros((creation.shape[0], months))
    for lag in range(step.kernel.shape[1]):
        needed += creation[:, lag : lag + months] * step.kernel[:, lag : lag + 1]
    return needed * step.per_qualified[:, np.newaxis]
