"""Goals to creation through the whole distribution of the time to win.

Bookings of month t are what stands already plus Σ_s x_s · y_{s,t-s}: x_s qualified opportunities
created in month s, each bringing y_{s,k} of bookings k months later. Creation x is what makes each
fiscal quarter meet its goal as nearly as possible while changing evenly:

    min Σ_q ((B_q - B̂_q) ÷ B)² + λ · h⁻³ · Σ_s (z_{s-1} - 2·z_s + z_{s+1})²    0 ≤ z ≤ rush

where z_s is creation x_s against what a steady plan would create in that month of the year, B the
mean goal of a quarter and h the length of a month in quarters, so that λ has no unit and means
the same on any calendar. Back-calculation by non-negative least squares with a roughness penalty:
Becker, Watson and Carlin, *Statistics in Medicine* 10:1527 (1991); Lawson and Hanson, *Solving
Least Squares Problems* (1974), chapter 23.

Solved for each goal cell; the sources of a cell create in the proportions of their measured mix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reverse_funnel.plan.bounded import bounded_least_squares
from reverse_funnel.plan.kernels import seasonal_kernel
from reverse_funnel.plan.model import (
    MONTHS_IN_YEAR,
    BoolArray,
    CellAssumptions,
    Creation,
    FloatArray,
    Standing,
    Timeline,
)
from reverse_funnel.plan.sums import by_goal_cell, by_period

# The steadiest plan that keeps every quarter at ENOUGH of its goal, else the least steady of these.
SMOOTHNESS = (1.0, 0.3, 0.1, 0.03, 0.01)
ENOUGH = 0.98
# Goal cells solved at a time: bounds memory, and changes nothing.
_CHUNK = 400
# Makes the problem strictly convex where neither goals nor smoothness say anything.
_RIDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How evenly a plan is to create.

    Attributes
    ----------
    smoothness
        λ values to try, largest first; the first that keeps every reachable quarter at 98 % of its
        goal is taken, the last where none does.
    rush
        No month creates more than this many times what a steady plan would. What would need more
        is unreachable.

    """

    smoothness: tuple[float, ...] = SMOOTHNESS
    rush: float = 3.0


@dataclass(frozen=True, slots=True)
class SmoothCreation:
    """Creation of P goal cells over N months, and the bookings that come of it.

    Attributes
    ----------
    count
        (P, N) opportunities created; what was created in months gone by.
    bookings
        (P, N) bookings expected, those that stand already included.
    unreachable
        (P, N) bookings that no creation within the bounds can bring.

    """

    count: FloatArray
    bookings: FloatArray
    unreachable: FloatArray


def distribution(
    goals: FloatArray,
    assumptions: CellAssumptions,
    months: int,
    *,
    timeline: Timeline,
    standing: Standing,
    steadiness: Steadiness | None = None,
) -> Creation:
    """Find the creation that serves the goals.

    Parameters
    ----------
    goals
        (G, N) bookings goals, reaching a whole kernel beyond the last month wanted, so that
        creation in it still has a purpose.
    assumptions
        Kernels are those of the distribution; see `CellAssumptions`.
    months
        M, the months of creation wanted.
    timeline, standing
        What is gone and what stands, both for the N months of the goals.
    steadiness
        How evenly to create.

    """
    goal_cells = goals.shape[0]
    index = assumptions.goal_index
    yields, season = goal_cell_yields(assumptions)
    created = by_goal_cell(standing.created, index, goal_cells)
    parts = []
    for start in range(0, goal_cells, _CHUNK):
        rows = slice(start, start + _CHUNK)
        parts.append(
            smooth_creation(
                goals[rows],
                response(yields[rows], timeline),
                season[rows][:, timeline.seasons],
                timeline,
                steadiness or Steadiness(),
                stands=standing.bookings[rows],
                created=created[rows],
                reference=None if standing.reference is None else standing.reference[rows],
                cap=None if standing.cap is None else standing.cap[rows],
            )
        )
    count, bookings, unreachable = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("count", "bookings", "unreachable")
    )
    to_create = np.maximum(count - created, 0.0)
    to_create[:, : timeline.first_free] = 0.0
    by_cell = standing.created + assumptions.creation_share[:, np.newaxis] * to_create[index]
    reachable: BoolArray = np.any(yields, axis=(1, 2))
    by_cell[~assumptions.measured | ~reachable[index]] = np.nan
    return Creation(
        count=by_cell[:, :months],
        served_before=standing.bookings,
        unreachable=unreachable,
        bookings=bookings,
    )


def goal_cell_yields(assumptions: CellAssumptions) -> tuple[FloatArray, FloatArray]:
    """Return what one opportunity of a goal cell brings, and how creation varies over the year.

    Returns
    -------
    yields
        (G, 12, K + 1) bookings k months after creation in each month of the year, over the mix of
        sources.
    season
        (G, 12) creation index by month of the year.

    """
    index, goal_cells = assumptions.goal_index, len(assumptions.goal_cells)
    share = assumptions.creation_share
    worth = share * assumptions.yield_per_opportunity
    kernel = seasonal_kernel(np.nan_to_num(assumptions.kernel), assumptions.closing)
    lags = kernel.shape[2]
    flat = (worth[:, np.newaxis, np.newaxis] * kernel).reshape(len(worth), -1)
    yields = by_goal_cell(flat, index, goal_cells).reshape(goal_cells, MONTHS_IN_YEAR, lags)
    season = by_goal_cell(share[:, np.newaxis] * assumptions.creation, index, goal_cells)
    return yields, np.where(season > 0, season, 1.0)


def response(yields: FloatArray, timeline: Timeline) -> FloatArray:
    """Lay yields out in time.

    `yields` is (P, 12, K + 1) by month of the year. What is created in the rest of a month that has
    begun comes later by half of the share that is gone. Months gone by bring nothing more.

    Returns
    -------
    (P, N, N): bookings of month t (second axis) for each opportunity created in month s (third).

    """
    span, lags = len(timeline.period), yields.shape[2]
    laid_out = np.zeros((yields.shape[0], span, span))
    for month in range(timeline.first_free, span):
        reach = min(lags, span - month)
        laid_out[:, month : month + reach, month] = yields[:, timeline.seasons[month], :reach]
    if timeline.elapsed > 0:
        column = laid_out[:, :, timeline.first_free]
        later = timeline.elapsed / 2
        shifted = np.zeros_like(column)
        shifted[:, 1:] = column[:, :-1]
        laid_out[:, :, timeline.first_free] = (1 - later) * column + later * shifted
    return laid_out


def smooth_creation(
    goals: FloatArray,
    laid_out: FloatArray,
    season: FloatArray,
    timeline: Timeline,
    steadiness: Steadiness,
    *,
    stands: FloatArray,
    created: FloatArray,
    reference: FloatArray | None = None,
    cap: FloatArray | None = None,
) -> SmoothCreation:
    """Solve for P goal cells at once.

    `laid_out` is what `response` returns, `season` the (P, N) creation index; `stands`, `created`,
    `reference` and `cap` are those of `Standing`, all (P, N). A goal cell without goals, or whose
    opportunities bring nothing, creates nothing more.
    """
    first = timeline.first_free
    steady = _steady_creation(goals, laid_out, season, first)
    solvable: BoolArray = np.any(steady > 0, axis=1, keepdims=True)
    unit = np.where(steady > 0, steady, 1.0)
    floor = created * (np.arange(goals.shape[1]) == first)
    # What stands, less what the part of the running month would bring that is gone.
    given = stands - (laid_out * floor[:, np.newaxis, :]).sum(axis=2)

    lower = floor / unit
    upper = np.maximum(np.full_like(lower, steadiness.rush), lower)
    if cap is not None:
        upper = np.maximum(np.minimum(upper, cap / unit), lower)
    if reference is not None:
        lower[:, :first] = upper[:, :first] = (reference / unit)[:, :first]
    else:
        lower[:, :first] = upper[:, :first] = 0.0

    scaled = by_period(laid_out * unit[:, np.newaxis, :], timeline.period)
    wanted, unreachable = _reachable_goals(goals, given, scaled, upper, timeline)
    scale = np.where(solvable, goals.mean(axis=1, keepdims=True) * timeline.length, 1.0)
    z = _steadiest(
        scaled / scale[:, :, np.newaxis],
        (wanted - by_period(given, timeline.period)) / scale,
        by_period(goals, timeline.period) / scale,
        _roughness(timeline, known=reference is not None, held=None if cap is None else cap < unit),
        (np.where(solvable, lower, 0.0), np.where(solvable, upper, 0.0)),
        steadiness.smoothness,
    )
    count = np.where(solvable, z * unit, floor)
    count[:, :first] = created[:, :first]
    brought = (laid_out * count[:, np.newaxis, :]).sum(axis=2)
    return SmoothCreation(count=count, bookings=given + brought, unreachable=unreachable)


def _steady_creation(
    goals: FloatArray, laid_out: FloatArray, season: FloatArray, first: int
) -> FloatArray:
    """Return (P, N) what a plan would create each month if goals were even; 0 where none helps."""
    brings = laid_out[:, :, first].sum(axis=1)
    even: FloatArray = np.zeros_like(brings)
    np.divide(goals.mean(axis=1), brings, out=even, where=brings > 0)
    return even[:, np.newaxis] * season


def _reachable_goals(
    goals: FloatArray,
    given: FloatArray,
    scaled: FloatArray,
    upper: FloatArray,
    timeline: Timeline,
) -> tuple[FloatArray, FloatArray]:
    """Take off the goals what no creation can bring.

    Returns
    -------
    wanted
        (P, Q) goal of each period that creation within the bounds can reach.
    unreachable
        (P, N) the rest, on the months of the period that are not over, as the goals are.

    """
    most = np.where(scaled > 0, scaled, 0.0) * np.where(scaled > 0, upper[:, np.newaxis, :], 0.0)
    period = timeline.period
    to_come = np.arange(len(period)) >= timeline.first_free
    reach = by_period(given, period) + most.sum(axis=2)
    wanted = by_period(goals, period)
    ahead = by_period(to_come[np.newaxis, :].astype(np.float64), period) > 0
    gap = np.where(ahead, np.maximum(wanted - reach, 0.0), 0.0)
    # A rounding residue is no gap.
    gap[gap <= 1e-9 * wanted] = 0.0
    weight = np.where(
        to_come, np.where(by_period(goals * to_come, period)[:, period] > 0, goals, 1.0), 0.0
    )
    share = weight / np.maximum(by_period(weight, period), 1e-300)[:, period]
    return wanted - gap, gap[:, period] * share


def _roughness(timeline: Timeline, *, known: bool, held: BoolArray | None) -> FloatArray:
    """Return (P, N, N), or (1, N, N): zᵀRz is h⁻³ times the sum of squared second differences of z.

    Differences that involve months gone by count only where a plan for those months is known, and
    none that involves a month of (P, N) `held`, which a cap keeps from what is steady: the months
    about it are to make up for it, not to follow it down.
    """
    span = len(timeline.period)
    difference = np.diff(np.eye(span), n=2, axis=0)[np.newaxis]
    if not known:
        difference = difference[:, timeline.first_free :]
    if held is not None:
        free = ~(held[:, np.newaxis, :] & (difference != 0)).any(axis=2)
        difference = difference * free[:, :, np.newaxis]
    squares: FloatArray = np.einsum("pdm,pdn->pmn", difference, difference)
    return timeline.length**3 * squares


def _steadiest(
    effect: FloatArray,
    wanted: FloatArray,
    goals: FloatArray,
    roughness: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    smoothness: tuple[float, ...],
) -> FloatArray:
    """Return (P, N) the creation, in units of the steady one, of the largest λ that will do.

    `effect` is (P, Q, N), `wanted` (P, Q) what creation is to bring and `goals` (P, Q) the goals,
    all in units of a mean goal.
    """
    problems, periods, span = effect.shape
    normal = np.zeros((problems, span, span))
    right = np.zeros((problems, span))
    for period in range(periods):
        row = effect[:, period]
        normal += row[:, :, np.newaxis] * row[:, np.newaxis, :]
        right += row * wanted[:, period, np.newaxis]
    bandwidth = _bandwidth(effect)
    normal += _RIDGE * np.eye(span)
    lower, upper = bounds
    best = np.clip(np.ones_like(lower), lower, upper)
    open_ = np.arange(problems)
    for weight in smoothness:
        best[open_] = bounded_least_squares(
            normal[open_] + weight * (roughness[open_] if len(roughness) > 1 else roughness),
            right[open_],
            lower[open_],
            upper[open_],
            bandwidth,
            start=best[open_],
        )
        short = wanted[open_] - (effect[open_] * best[open_, np.newaxis, :]).sum(axis=2)
        helped = effect[open_].any(axis=2)
        misses: BoolArray = (short > (1 - ENOUGH) * goals[open_]) & helped
        open_ = open_[misses.any(axis=1)]
        if not open_.size:
            break
    return best


def _bandwidth(effect: FloatArray) -> int:
    """Return how far apart two months are that serve one period; at least 2, for roughness."""
    widest = 2
    rows: BoolArray = np.any(effect, axis=0)
    for row in rows:
        served = np.flatnonzero(row)
        if served.size:
            widest = max(widest, int(served[-1] - served[0]))
    return widest
