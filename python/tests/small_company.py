"""Small companies whose truth is known, as the spells their CRM would show.

Each planning cell has a chance of winning drawn from a beta distribution around its segment's, and
times to win, to lose and to derail that are lognormal, as in the demo company. Some deals are never
closed. More are created every year. The CRM is read on an as-of day: what has not happened by then
is open. Everything is arrays; the random numbers come from the generator that is passed in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from reverse_funnel.demo import company as demo
from spell_lab import ADVANCED, DERAILED, LOST, OPEN

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Dates = NDArray[np.datetime64]

AS_OF = date(2026, 6, 30)
HISTORY_DAYS = 3 * 365
DEALS = 1500
"""Expected number of deals that qualify in the history."""

SEGMENTS = ("smb", "mid_market", "enterprise")
DEAL_TYPES = ("new_business", "expansion")
TERRITORIES = ("americas", "emea")
SOURCES = ("marketing", "outbound")
SEGMENT_SHARE = (0.50, 0.32, 0.18)
SEGMENT_WIN = (0.28, 0.25, 0.22)
SEGMENT_MEDIAN = (45.0, 80.0, 120.0)
WIN_PRIOR_WEIGHT = 40.0
"""Weight of a segment's rate in the beta distribution of its cells', in observations."""
SHARE_CONCENTRATION = 1.5
"""Of the Dirichlet distribution of a segment's deals over its cells: the less, the thinner."""
DERAILED_SHARE = 0.20
"""Of the deals that are not won and not forgotten."""


_erf = np.vectorize(math.erf, otypes=[np.float64])


@dataclass(frozen=True)
class Company:
    """True parameters, one entry a cell; ``cells`` are the values of the planning dimensions."""

    cells: tuple[tuple[str, str, str, str, str], ...]
    share: Floats
    """Share of creation; sums to 1."""
    win: Floats
    """Ultimate share won."""
    derailed: Floats
    never: Floats
    """Share that is never closed."""
    median: Floats
    """Median days from qualifying to winning."""

    @property
    def segment(self) -> Ints:
        """Number of each cell's segment."""
        return np.array([SEGMENTS.index(cell[0]) for cell in self.cells])

    def won_by(self, days: float) -> Floats:
        """Share of each cell's deals that are won by an age, from the parameters alone."""
        with np.errstate(divide="ignore"):
            score = np.log(days / self.median) / demo.WIN_SIGMA
        return np.asarray(self.win * (0.5 + 0.5 * _erf(score / math.sqrt(2))))

    def mean_days(self, days: int) -> float:
        """Mean age, in whole days, at which the company's deals are won that are won by an age."""
        by_day = np.array([self.share @ self.won_by(day) for day in range(days + 1)])
        return float(np.sum(np.arange(1, days + 1) * np.diff(by_day)) / by_day[-1])


@dataclass(frozen=True)
class Deals:
    """Whole lives, one entry a deal: ages in whole days, infinite where it never happens."""

    cell: Ints
    entered_on: Dates
    cause: Ints
    """How it ends in the end; ``OPEN`` for never."""
    closed_at_age: Floats


@dataclass(frozen=True)
class Spells:
    """Deals as the CRM shows them on the as-of day: the columns of int_estimates__spells."""

    cell: Ints
    entered_on: Dates
    left_on: Dates
    cause: Ints


def draw_company(
    rng: Generator,
    territories: Sequence[str] = TERRITORIES,
    sources: Sequence[str] = SOURCES,
) -> Company:
    """Draw a company, of 24 cells unless told otherwise; no two are alike."""
    cells, share, mean, median = [], [], [], []
    for number, segment in enumerate(SEGMENTS):
        members = list(itertools.product([segment], DEAL_TYPES, territories, sources, ["all"]))
        split = rng.dirichlet([SHARE_CONCENTRATION] * len(members))
        cells += members
        share += list(SEGMENT_SHARE[number] * split)
        mean += [SEGMENT_WIN[number]] * len(members)
        median += [SEGMENT_MEDIAN[number]] * len(members)
    prior = np.array(mean)
    win = rng.beta(prior * WIN_PRIOR_WEIGHT, (1 - prior) * WIN_PRIOR_WEIGHT)
    never = np.full(len(cells), demo.ZOMBIE_QUALIFIED)
    return Company(
        cells=tuple(cells),
        share=np.array(share),
        win=win,
        derailed=(1 - win - never) * DERAILED_SHARE,
        never=never,
        median=np.array(median) * np.exp(0.1 * rng.standard_normal(len(cells))),
    )


def draw_deals(
    company: Company,
    rng: Generator,
    *,
    expected: float = DEALS,
    as_of: date = AS_OF,
    history_days: int = HISTORY_DAYS,
    growth: float = demo.CREATION_GROWTH,
) -> Deals:
    """Draw the deals that qualify in the days up to ``as_of``, and how each of them ends.

    Creation grows by ``growth`` a year. An end at a time t is one on day ceil(t), so that the share
    won by day u is the distribution at u.
    """
    n = rng.poisson(expected)
    rate = np.log1p(growth) / 365
    # days since the first, from the inverse of the distribution of a growing creation
    uniform = rng.random(n)
    created = (
        np.log1p(uniform * np.expm1(rate * history_days)) / rate
        if growth
        else (uniform * history_days)
    )
    first = np.datetime64(as_of) - (history_days - 1)
    cell = rng.choice(len(company.cells), size=n, p=company.share)
    chance = np.stack([company.never, company.win, company.derailed])[:, cell]
    cause = np.select(
        list(rng.random(n) < np.cumsum(chance, axis=0)), [OPEN, ADVANCED, DERAILED], LOST
    )
    factor = np.array([np.inf, 1.0, demo.LOST_TIME_FACTOR, demo.DERAILED_TIME_FACTOR])[cause]
    sigma = np.array([0.0, demo.WIN_SIGMA, demo.LOST_SIGMA, demo.DERAILED_SIGMA])[cause]
    lasting = company.median[cell] * factor * np.exp(sigma * rng.standard_normal(n))
    return Deals(
        cell=cell,
        entered_on=first + np.floor(created).astype(np.int64),
        cause=cause,
        closed_at_age=np.ceil(lasting),
    )


def as_recorded(deals: Deals, as_of: date = AS_OF) -> Spells:
    """Return the deals as they are known on the as-of day."""
    age = (np.datetime64(as_of) - deals.entered_on).astype(np.int64)
    is_over = deals.closed_at_age <= age
    lasting = np.where(is_over, deals.closed_at_age, age).astype(np.int64)
    return Spells(
        cell=deals.cell,
        entered_on=deals.entered_on,
        left_on=deals.entered_on + lasting,
        cause=np.where(is_over, deals.cause, OPEN),
    )


def simulate(company: Company, rng: Generator, expected: float = DEALS) -> Spells:
    """Return the spells of one history of the company."""
    return as_recorded(draw_deals(company, rng, expected=expected))
