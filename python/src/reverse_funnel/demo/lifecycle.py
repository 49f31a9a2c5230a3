"""What truly happens to each opportunity: cell, times, outcome, amounts.

Everything here is event time and the whole life; what the CRM records of it, and when, is the
business of :mod:`reverse_funnel.demo.history`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from reverse_funnel.demo import company as truth
from reverse_funnel.demo.calendar import Floats, Ints, Quarters
from reverse_funnel.demo.company import Company
from reverse_funnel.demo.config import (
    CELL_SHAPE,
    DERAILED,
    LEAD_SOURCE_TO_PIPELINE_SOURCE,
    LOST,
    N_CELLS,
    WON,
)

Codes = NDArray[np.int8]
Flags = NDArray[np.bool_]

OPEN = 0
"""Outcome of a deal that is never closed."""
AMOUNT_PROMPT, AMOUNT_WITHIN_DAYS, AMOUNT_LATE, AMOUNT_NEVER = range(4)


@dataclass(frozen=True)
class Lives:
    """True lives of n opportunities, one array entry each; times are model days, infinite = never.

    ``outcome`` is ``OPEN``, ``WON``, ``LOST`` or ``DERAILED``; ``last`` is the last stage worked
    (0 to 5). ``stage_at`` has the shape (n, 6): when stages 0 to 5 were truly reached, also those
    of which the CRM will have no row.
    """

    created: Floats
    outcome: Codes
    last: Codes
    stage_at: Floats
    closed: Floats
    """Infinite for deals never closed."""
    active_until: Floats
    """The closing, or the last sign of life of a deal never closed."""

    @property
    def qualified(self) -> Floats:
        """When stage 2 was reached."""
        return self.stage_at[:, 2]


@dataclass(frozen=True)
class Amounts:
    """Amounts in corporate currency, shape (n,); ``timing`` says when it is first known."""

    at_creation: Floats
    """NaN where nothing was entered before qualification."""
    at_qualification: Floats
    at_close: Floats
    timing: Codes


def cell_codes(cell: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Segment, deal type, territory and pipeline source codes of flat cell numbers."""
    segment, deal_type, territory, source = np.unravel_index(cell, CELL_SHAPE)
    return segment, deal_type, territory, source


def draw_cells(company: Company, n: int, rng: Generator) -> Ints:
    """Flat cell numbers by the cells' shares of creation."""
    cumulative = np.cumsum(company.share.ravel())
    return np.minimum(np.searchsorted(cumulative, rng.random(n), side="right"), N_CELLS - 1)


def draw_lead_sources(source: Ints, rng: Generator) -> Codes:
    """Draw the CRM's lead source of each pipeline source."""
    to_source = np.array(LEAD_SOURCE_TO_PIPELINE_SOURCE)
    # Lead sources are ordered by pipeline source, so their shares add up to 1 within each.
    cumulative = np.cumsum(truth.SOURCE_RAW_SHARE)
    at = np.searchsorted(cumulative, source + rng.random(len(source)), side="right")
    return np.minimum(at, len(to_source) - 1).astype(np.int8)


def _lognormal(median: Floats | float, sigma: float, n: int, rng: Generator) -> Floats:
    return np.asarray(median * np.exp(sigma * rng.standard_normal(n)))


def _qualified_outcomes(company: Company, cell: Ints, rng: Generator) -> Codes:
    draw = rng.random(len(cell))
    win = company.win.ravel()[cell]
    derailed = win + company.derailed.ravel()[cell]
    zombie = derailed + company.zombie.ravel()[cell]
    outcome = np.select([draw < win, draw < derailed, draw < zombie], [WON, DERAILED, OPEN], LOST)
    return np.asarray(outcome, dtype=np.int8)


def _early_outcomes(stage: Ints, rng: Generator) -> Codes:
    draw = rng.random(len(stage))
    lost = np.array(truth.EARLY_LOST_SHARE)[stage] * (1 - truth.ZOMBIE_EARLY)
    outcome = np.select([draw < lost, draw < 1 - truth.ZOMBIE_EARLY], [LOST, DERAILED], OPEN)
    return np.asarray(outcome, dtype=np.int8)


def last_stage_when_not_won(n: int, rng: Generator) -> Codes:
    """Last open stage (2 to 5) of qualified deals that are not won."""
    chain = np.cumprod(truth.REACH_NEXT_WHEN_NOT_WON)
    last = 2 + (rng.random(n)[:, None] < chain).sum(axis=1)
    return np.asarray(last, dtype=np.int8)


def stage_fractions(last: Codes, rng: Generator) -> Floats:
    """Fractions of the time from qualified to close at which stages 3, 4, 5 are reached.

    Shape (n, 3); infinite for stages beyond ``last``.
    """
    n = len(last)
    shape = np.array(truth.STAGE_TIME_WEIGHTS)
    step = rng.standard_gamma(shape * 2, size=(n, 4))
    used = np.arange(4) < (np.maximum(last, 2)[:, None] - 1)
    step *= used
    done = np.cumsum(step, axis=1)
    fraction = done[:, :3] / done[:, 3:]
    return np.where(np.arange(3, 6) <= last[:, None], fraction, np.inf)


def draw_lives(
    company: Company, cell: Ints, created: Floats, quarters: Quarters, rng: Generator
) -> Lives:
    """Simulate whole lives of opportunities of the given cells and creation times, shape (n,)."""
    n = len(cell)
    start = rng.random(n)
    at_2 = start < company.starts_at_2.ravel()[cell]
    at_1 = ~at_2 & (start < (company.starts_at_2 + company.starts_at_1).ravel()[cell])
    reach_1 = at_1 | at_2 | (rng.random(n) < company.pass_0.ravel()[cell])
    reach_2 = at_2 | (reach_1 & (rng.random(n) < company.pass_1.ravel()[cell]))
    step_0 = _lognormal(company.median_0.ravel()[cell], truth.STEP_SIGMA, n, rng)
    step_1 = _lognormal(company.median_1.ravel()[cell], truth.STEP_SIGMA, n, rng)
    met = created + np.where(at_1 | at_2, 0.0, step_0)
    qualified = met + np.where(at_2, 0.0, step_1)

    early = np.where(reach_1, 1, 0)
    outcome = np.where(
        reach_2, _qualified_outcomes(company, cell, rng), _early_outcomes(early, rng)
    ).astype(np.int8)
    won = outcome == WON
    last = np.where(won, 5, np.where(reach_2, last_stage_when_not_won(n, rng), early)).astype(
        np.int8
    )

    median = company.median_win.ravel()[cell]
    factor = np.where(
        won, 1.0, np.where(outcome == DERAILED, truth.DERAILED_TIME_FACTOR, truth.LOST_TIME_FACTOR)
    )
    sigma = np.where(
        won, truth.WIN_SIGMA, np.where(outcome == DERAILED, truth.DERAILED_SIGMA, truth.LOST_SIGMA)
    )
    early_median = np.array(truth.EARLY_CLOSE_MEDIAN)[early]
    lasting = np.where(reach_2, median * factor, early_median) * np.exp(
        np.where(reach_2, sigma, 0.8) * rng.standard_normal(n)
    )
    base = np.where(reach_2, qualified, np.where(reach_1, met, created))
    end = base + lasting
    uniform, spread = rng.random(n), rng.random(n)
    pulled = np.where(
        won,
        company.won_pull.apply(end, base + 5, quarters, uniform, spread),
        company.lost_pull.apply(end, base + 5, quarters, uniform, spread),
    )
    end = np.where((outcome == OPEN) | ~reach_2, end, pulled)

    fractions = stage_fractions(last, rng)
    stage_at = np.full((n, 6), np.inf)
    stage_at[:, 0] = created
    stage_at[:, 1] = np.where(reach_1, met, np.inf)
    stage_at[:, 2] = np.where(reach_2, qualified, np.inf)
    stage_at[:, 3:] = base[:, None] + fractions * (end - base)[:, None]
    return Lives(
        created=created,
        outcome=outcome,
        last=last,
        stage_at=stage_at,
        closed=np.where(outcome == OPEN, np.inf, end),
        active_until=end,
    )


def draw_amounts(company: Company, cell: Ints, lives: Lives, rng: Generator) -> Amounts:
    """Amounts at the moments that matter, before rounding, shape (n,)."""
    n = len(cell)
    segment, deal_type, _, _ = cell_codes(cell)
    won = lives.outcome == WON
    sigma = np.array(truth.AMOUNT_SIGMA)[segment]
    entry = np.exp(truth.amount_location(company).ravel()[cell] + sigma * rng.standard_normal(n))
    entry *= np.where(
        won, truth.WON_ENTRY_FACTOR, truth.not_won_entry_factor(company).ravel()[cell]
    )
    low, high = np.array(truth.WHALE_FACTOR)[segment].T
    entry *= np.where(rng.random(n) < truth.WHALE_SHARE, low + (high - low) * rng.random(n), 1.0)
    spread = truth.GROWTH_SIGMA
    growth = np.where(won, company.growth.ravel()[cell], 1.0) * np.exp(
        spread * rng.standard_normal(n) - spread**2 / 2
    )
    entered_early = rng.random(n) < np.where(deal_type == 1, 0.60, 0.35)
    guess = entry * np.exp(0.30 * rng.standard_normal(n))
    draw = rng.random(n)
    within, late, never = np.cumsum(truth.MISSING_AMOUNT)
    timing = np.select(
        [draw < within, draw < late, (draw < never) & ~won],
        [AMOUNT_WITHIN_DAYS, AMOUNT_LATE, AMOUNT_NEVER],
        AMOUNT_PROMPT,
    ).astype(np.int8)
    # Who is to lack the amount at qualification has not entered one earlier either.
    return Amounts(
        at_creation=np.where(entered_early & (timing == AMOUNT_PROMPT), guess, np.nan),
        at_qualification=entry,
        at_close=entry * growth,
        timing=timing,
    )
