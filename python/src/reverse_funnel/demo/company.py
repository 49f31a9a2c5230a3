"""The simulated company: every true parameter, by planning cell.

A cell is (segment, deal type, territory, pipeline source); arrays "by cell" have the shape
``CELL_SHAPE`` = (3, 2, 3, 6). Durations are days, amounts are corporate currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reverse_funnel.demo.calendar import (
    ClosingPull,
    Floats,
    day_number,
    model_day,
    month_starts,
    months_between,
)
from reverse_funnel.demo.config import CELL_SHAPE, DemoConfig

CREATION_SEASON = (0.95, 1.00, 1.10, 0.95, 1.00, 1.09, 0.88, 0.82, 1.12, 1.09, 1.07, 0.93)
"""Relative creation rate by calendar month, January first; the mean is 1."""
CREATION_GROWTH = 0.20
"""Growth of the creation rate per year."""

WIN_SIGMA = 0.62
LOST_SIGMA = 0.85
DERAILED_SIGMA = 0.80
LOST_TIME_FACTOR = 0.85
DERAILED_TIME_FACTOR = 1.10
STEP_SIGMA = 0.75
AMOUNT_SIGMA = (0.55, 0.60, 0.70)
GROWTH_SIGMA = 0.22
WON_ENTRY_FACTOR = 0.95
"""Mean entry amount of won deals over that of all qualified deals: larger deals win less."""
WHALE_SHARE = 0.005
WHALE_FACTOR = ((8.0, 18.0), (6.0, 12.0), (4.0, 8.0))
"""Range of the factor by which a whale exceeds an ordinary amount, by segment."""
MISSING_AMOUNT = (0.04, 0.01, 0.01)
"""Share of qualified deals whose amount comes within a few days, after the grace, or never."""

ZOMBIE_EARLY = 0.04
ZOMBIE_QUALIFIED = 0.05
EARLY_LOST_SHARE = (0.33, 0.58)
"""Of the deals that end at stage 0 or 1: the share lost; the others are derailed."""
EARLY_CLOSE_MEDIAN = (12.0, 24.0)
REACH_NEXT_WHEN_NOT_WON = (0.58, 0.55, 0.45)
"""Chance that a deal that will not be won goes on from stage 2, 3, 4 to the next."""
STAGE_TIME_WEIGHTS = (0.9, 1.0, 0.9, 0.8)
"""Gamma shapes of the times 2 to 3, 3 to 4, 4 to 5, 5 to close, before scaling to the whole."""

SKIP_STAGE = 0.11
BACKWARD = 0.05
REOPENED = 0.03
DELETED = 0.03
DUPLICATE = 0.008
LATE_LOGGED = 0.12
RESEGMENTED = 0.08
MOVED_COUNTRY = 0.006
MERGED_ACCOUNT = 0.01

SOURCE_RAW_SHARE = (0.55, 0.25, 0.20, 1.0, 1.0, 1.0, 1.0, 1.0)
UPSELL_SHARE = 0.65
LEAD_BACKED = (0.95, 0.05, 0.25, 0.50, 0.85, 0.95)
"""Chance that a new-business deal of each pipeline source comes from a lead."""
LEAD_CONVERSION = (0.13, 0.30, 0.25, 0.36, 0.30, 0.125)
"""True share of leads of each pipeline source that are ever converted."""
LEAD_LAG_MEDIAN = (14.0, 8.0, 10.0, 12.0, 16.0, 20.0)


@dataclass(frozen=True)
class Company:
    """True parameters by cell, and the closing effects."""

    share: Floats
    """Share of created opportunities; sums to 1."""
    starts_at_1: Floats
    starts_at_2: Floats
    """Shares of deals created directly at stage 1 and at stage 2."""
    pass_0: Floats
    pass_1: Floats
    """Chance of going on from stage 0 and stage 1, for those that start below."""
    win: Floats
    derailed: Floats
    zombie: Floats
    """Ultimate shares of qualified deals; the rest is lost."""
    median_0: Floats
    median_1: Floats
    median_win: Floats
    """Median days from stage 0 to 1, 1 to 2 and from qualified to won."""
    amount: Floats
    """Mean amount at qualification."""
    growth: Floats
    """Won amount over amount at qualification, same deals."""
    won_pull: ClosingPull
    lost_pull: ClosingPull

    @property
    def reach_1(self) -> Floats:
        """P(stage 1 reached | created), by cell."""
        return self.starts_at_1 + self.starts_at_2 + self._starts_at_0 * self.pass_0

    @property
    def reach_2(self) -> Floats:
        """P(qualified | created), by cell."""
        return self.starts_at_2 + (self.reach_1 - self.starts_at_2) * self.pass_1

    @property
    def won_amount(self) -> Floats:
        """Mean amount of a won deal, by cell."""
        return self.amount * WON_ENTRY_FACTOR * self.growth

    @property
    def _starts_at_0(self) -> Floats:
        return 1 - self.starts_at_1 - self.starts_at_2


def _axis(values: NDArray[np.float64] | tuple[float, ...], axis: int) -> Floats:
    """``values`` as an array that broadcasts along one axis of a cell array."""
    shape = [1, 1, 1, 1]
    shape[axis] = len(values)
    return np.asarray(values, dtype=np.float64).reshape(shape)


def _shift(rate: Floats, effect: Floats) -> Floats:
    """Move a rate by ``effect`` on the logit scale."""
    odds = rate / (1 - rate) * np.exp(effect)
    return np.asarray(odds / (1 + odds))


def _creation_share() -> Floats:
    source_new = np.array([0.30, 0.18, 0.22, 0.09, 0.06, 0.15])
    source_expansion = np.array([0.20, 0.42, 0.06, 0.08, 0.07, 0.17])
    tilt = np.ones((3, 6))
    tilt[0, 5], tilt[1, 5], tilt[2, 5] = 1.5, 0.7, 0.25
    tilt[2, 1], tilt[2, 3] = 1.5, 1.4
    by_source = np.stack([source_new, source_expansion])[None, :, None, :] * tilt[:, None, None, :]
    by_source = by_source / by_source.sum(axis=3, keepdims=True)
    share = (
        _axis((0.52, 0.32, 0.16), 0)
        * _axis((0.77, 0.23), 1)
        * _axis((0.52, 0.32, 0.16), 2)
        * by_source
    )
    return np.asarray(share / share.sum())


def build_company() -> Company:
    """Return the company's parameters. No option changes the truth, only its realisation."""
    expansion = _axis((0.0, 1.0), 1)
    quality = _axis((0.0, -0.12, -0.20, 0.22, 0.14, 0.05), 3)
    territory = _axis((0.05, -0.03, -0.14), 2)
    pace = _axis((1.0, 1.08, 1.10, 0.92, 0.98, 0.88), 3) * _axis((1.0, 1.03, 1.10), 2)
    win = _shift(_axis((0.265, 0.245, 0.215), 0), quality + territory + 0.42 * expansion)
    by_cell = {
        "share": _creation_share(),
        "starts_at_1": _axis((0.05, 0.28), 1),
        "starts_at_2": _axis((0.02, 0.20), 1),
        "pass_0": _shift(_axis((0.755,), 0), 0.5 * (quality + territory) + 0.4 * expansion),
        "pass_1": _shift(_axis((0.57, 0.56, 0.54), 0), quality + territory + 0.5 * expansion),
        "win": win,
        "derailed": (1 - win - ZOMBIE_QUALIFIED) * _axis((0.22, 0.15), 1),
        "zombie": _axis((ZOMBIE_QUALIFIED,), 0),
        "median_0": _axis((5.0, 6.5, 8.0), 0) * pace,
        "median_1": _axis((8.0, 13.0, 20.0), 0) * pace * (1 - 0.25 * expansion),
        "median_win": _axis((51.0, 87.0, 138.0), 0) * pace * (1 - 0.30 * expansion),
        "amount": _axis((12_000.0, 45_000.0, 150_000.0), 0)
        * (1 - 0.35 * expansion)
        * _axis((1.05, 0.97, 0.88), 2)
        * _axis((1.0, 1.06, 0.97, 1.10, 0.98, 0.85), 3),
        "growth": _axis((1.05, 1.12, 1.22), 0) * (1 + 0.05 * expansion),
    }
    return Company(
        **{name: np.broadcast_to(value, CELL_SHAPE).copy() for name, value in by_cell.items()},
        won_pull=ClosingPull(delayed=0.28, advanced=0.50, window=40.0),
        lost_pull=ClosingPull(delayed=0.15, advanced=0.20, window=40.0),
    )


def amount_location(company: Company) -> Floats:
    """Mean of the log of an ordinary (not whale) amount at qualification, by cell."""
    sigma = _axis(AMOUNT_SIGMA, 0)
    factor = np.array(WHALE_FACTOR).mean(axis=1)
    whale_mean = 1 + WHALE_SHARE * (_axis(factor, 0) - 1)
    return np.asarray(np.log(company.amount / whale_mean) - sigma**2 / 2)


def not_won_entry_factor(company: Company) -> Floats:
    """Mean entry amount of deals not won over that of all qualified deals, by cell."""
    return np.asarray((1 - company.win * WON_ENTRY_FACTOR) / (1 - company.win))


@dataclass(frozen=True)
class CreationMonths:
    """The creation clock: for each month its share of all creation and its model-day span."""

    first: date
    weight: Floats
    """Relative creation rate of the month times the share of it that is covered."""
    start: Floats
    stop: Floats


def creation_rate(month: date, origin: date) -> float:
    """Relative number of opportunities created in ``month``; ``origin`` is a month of rate 1."""
    season = CREATION_SEASON[month.month - 1] / (sum(CREATION_SEASON) / 12)
    return float(season * (1 + CREATION_GROWTH) ** (months_between(origin, month) / 12))


def creation_months(config: DemoConfig, last: date, first: date | None = None) -> CreationMonths:
    """Creation clock from ``first`` (default: the company's start) to ``last`` included."""
    begin = config.start if first is None else first
    months = months_between(begin, last) + 1
    starts = month_starts(begin, months)
    weight, start, stop = [], [], []
    for this, following in pairwise(starts):
        opens = max(this, begin)
        closes = min(following, last + timedelta(days=1))
        covered = (closes - opens).days / (following - this).days
        weight.append(creation_rate(this, config.start) * covered)
        start.append(day_number(opens))
        stop.append(day_number(closes))
    return CreationMonths(
        first=begin,
        weight=np.array(weight),
        start=model_day(np.array(start)),
        stop=model_day(np.array(stop)),
    )
