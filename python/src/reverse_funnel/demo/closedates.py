"""Expected close dates: first guesses, slips, pull-ins, and those nobody keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from reverse_funnel.demo.calendar import (
    Floats,
    Ints,
    Quarters,
    model_day,
    month_end_of,
    to_day,
)
from reverse_funnel.demo.company import Company
from reverse_funnel.demo.config import WON
from reverse_funnel.demo.lifecycle import Lives, cell_codes

SLIPS = 5
STALE = 0.10
"""Chance at each slip that the rep no longer keeps the close date."""
_PUSH_MEDIAN = np.array([35.0, 52.0, 70.0])


@dataclass(frozen=True)
class ClosePlan:
    """Expected close dates (calendar days since 1970-01-01) and when they change (model days).

    Shapes: (n,), and (n, SLIPS) for the slips; infinite times for what does not happen, -1 for a
    date that is not set.
    """

    at_creation: Ints
    at_qualification: Ints
    slip_at: Floats
    slip_to: Ints
    pull_at: Floats
    pull_to: Ints
    after_reopening: Ints


def _habit(day: Ints, quarters: Quarters, rng: Generator) -> Ints:
    """Dates as reps enter them: half at a quarter's end, a quarter of them at a month's."""
    draw = rng.random(len(day))
    at_quarter = quarters.end_of(day)
    return np.where(draw < 0.50, at_quarter, np.where(draw < 0.75, month_end_of(day), day))


def plan_close_dates(
    company: Company, cell: Ints, lives: Lives, quarters: Quarters, rng: Generator
) -> ClosePlan:
    """Draw the expected close dates of n opportunities along their lives."""
    n = len(cell)
    segment, _, _, _ = cell_codes(cell)
    cycle = company.median_win.ravel()[cell]
    early = (company.median_0 + company.median_1).ravel()[cell]
    first = lives.created + (cycle + early) * np.exp(0.35 * rng.standard_normal(n))
    at_creation = _habit(to_day(first), quarters, rng)
    reached = np.isfinite(lives.qualified)
    begun = np.where(reached, lives.qualified, lives.created)
    second = begun + 1.05 * cycle * np.exp(0.35 * rng.standard_normal(n))
    renewed = reached & ((rng.random(n) < 0.7) | (model_day(at_creation) < begun + 7))
    at_qualification = np.where(renewed, _habit(to_day(second), quarters, rng), -1)
    at_creation = np.where(
        renewed & (lives.qualified <= lives.created), at_qualification, at_creation
    )

    end = lives.active_until
    current = np.where(renewed, at_qualification, at_creation)
    previous = begun
    kept = np.ones(n, dtype=np.bool_)
    slip_at = np.full((n, SLIPS), np.inf)
    slip_to = np.full((n, SLIPS), -1, dtype=np.int64)
    for slip in range(SLIPS):
        kept &= rng.random(n) >= STALE
        in_time = rng.random(n) < 0.7
        notice = np.where(in_time, -8 * rng.random(n), 0.5 + 14 * rng.random(n))
        at = np.maximum(model_day(current) + notice, previous + 1)
        push = _PUSH_MEDIAN[segment] * np.exp(0.5 * rng.standard_normal(n))
        to = _habit(to_day(np.maximum(at, model_day(current)) + push), quarters, rng)
        slips = kept & (at < end - 1.5)
        slip_at[:, slip] = np.where(slips, at, np.inf)
        slip_to[:, slip] = to
        current = np.where(slips, to, current)
        previous = np.where(slips, at, previous)

    ahead = model_day(current) - end
    wanted = np.where(lives.outcome == WON, 0.6, 0.12)
    pulled = reached & (ahead > 20) & np.isfinite(lives.closed) & (rng.random(n) < wanted)
    pull_at = end - 3 - 22 * rng.random(n)
    pulled &= pull_at > previous + 1
    again = lives.active_until + _PUSH_MEDIAN[segment] * rng.random(n)
    return ClosePlan(
        at_creation=at_creation,
        at_qualification=at_qualification,
        slip_at=slip_at,
        slip_to=slip_to,
        pull_at=np.where(pulled, pull_at, np.inf),
        pull_to=to_day(end + 10 * rng.random(n) - 2),
        after_reopening=_habit(to_day(again), quarters, rng),
    )
