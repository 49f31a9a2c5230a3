"""Leads: where converted deals come from, and the many more that come to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.random import Generator

from reverse_funnel.demo import company as truth
from reverse_funnel.demo.accounts import draw_employees
from reverse_funnel.demo.calendar import Floats, Ints, to_seconds
from reverse_funnel.demo.config import PIPELINE_SOURCES, REJECTION_REASONS
from reverse_funnel.demo.deals import Deals
from reverse_funnel.demo.lifecycle import Codes, Flags, cell_codes, draw_lead_sources
from reverse_funnel.demo.people import Organisation, assign

NEW, WORKING, MQL, SAL, SQL, CONVERTED, REJECTED, NURTURE = range(8)
HOT, WARM, COLD = range(3)
_DAY = 86_400.0
_TRAIL: Final = (WORKING, MQL, SAL, NURTURE, MQL, SAL, SQL)
"""Status of each slot of a lead's history but the last, which holds its end."""
_STEP_DAYS: Final = (0.1, 2.0, 1.2, 31.0, 55.0, 1.5, 5.0, 9.0)
"""Median days before each slot; the last is the end."""
DEPTH_SHARE: Final = (0.38, 0.24, 0.21, 0.17)
"""Of the worked leads that never convert: the furthest status, WORKING to SQL."""
IGNORED_SHARE: Final = (0.06, 0.18, 0.34)
"""Of the hot, warm and cold leads that never convert: the share that nobody ever touches."""
RESPONSE_MEDIAN_MINUTES: Final = (38.0, 420.0, 1800.0)
RESPONSE_SIGMA: Final = 1.1
RECYCLED_SHARE: Final = 0.08
_END_SHARE: Final = (0.55, 0.85)
"""Ends of worked leads that never convert: rejected, then nurtured; the rest is left lying."""
SCORE_SHIFT: Final = (0.55, 0.85, 0.45)
"""Standard deviations by which the score parts of converted leads lie above the others'."""
SCORE_WEIGHTS: Final = ((0.70, 0.10, 0.20), (0.40, 0.35, 0.25), (0.25, 0.50, 0.25))
"""Weights of demographic, behavioural and intent score, by version of the score model."""
_SCORE_SPREAD = 15.0
_BANT_SHARE: Final = (0.2, 0.3, 0.4, 0.58, 0.75, 0.80)


@dataclass(frozen=True)
class Leads:
    """Leads known at the cut, shape (m,), numbered from ``first_number``.

    Times are UTC seconds. ``deal`` is the position of the deal in the block, -1 for none yet or
    ever; ``touched`` is the first contact, -1 for none. ``changes_*`` are the status changes, in
    the order of lead, then time.
    """

    first_number: int
    created: Ints
    deal: Ints
    converted: Ints
    touched: Ints
    modified: Ints
    status: Codes
    source: Codes
    """Pipeline source; ``lead_source`` is the CRM's spelling of it."""
    lead_source: Codes
    country: Codes
    employees: Ints
    owner: Ints
    rating: Codes
    score: Floats
    parts: Floats
    """Shape (m, 3): demographic, behavioural, intent."""
    model: Codes
    bant: Codes
    """Shape (m, 4): -1 unknown, 0, 1."""
    answer: Codes
    reason: Codes
    deleted: Flags
    same_person: Ints
    """How many numbers earlier the same person left a lead before; 0 for most."""
    changes_lead: Ints
    changes_at: Ints
    changes_old: Codes
    changes_new: Codes

    def __len__(self) -> int:
        return len(self.created)


def _origins(deals: Deals, rng: Generator) -> tuple[Ints, Ints]:
    """Return for each lead the deal it resembles and, if converted, the one it becomes, else -1.

    Leads that never convert are drawn around the deals of their own source, as many as that
    source's true conversion rate asks for.
    """
    _, deal_type, _, source = cell_codes(deals.cell)
    backed = rng.random(len(deals)) < np.array(truth.LEAD_BACKED)[source]
    converted = np.flatnonzero(backed & (deal_type == 0))
    like = [converted]
    for code in range(len(PIPELINE_SOURCES)):
        models = np.flatnonzero((source == code) & (deal_type == 0))
        if not len(models):
            continue
        rate = truth.LEAD_CONVERSION[code]
        won_over = np.count_nonzero(source[converted] == code)
        more = int(rng.poisson(won_over * (1 / rate - 1)))
        like.append(models[(rng.random(more) * len(models)).astype(np.int64)])
    resembles = np.concatenate(like)
    becomes = np.full(len(resembles), -1, dtype=np.int64)
    becomes[: len(converted)] = converted
    return resembles, becomes


def _arrivals(deals: Deals, cutoff: int, rng: Generator) -> tuple[Ints, Ints, Ints, Ints]:
    """Leads created up to the cut, in that order: model deal, own deal, creation, conversion."""
    resembles, becomes = _origins(deals, rng)
    n = len(resembles)
    source = cell_codes(deals.cell[resembles])[3]
    lag = np.array(truth.LEAD_LAG_MEDIAN)[source] * np.exp(0.8 * rng.standard_normal(n))
    opening = deals.opening[resembles]
    at = deals.lives.created[resembles]
    converted = to_seconds(at, opening)
    created = to_seconds(at - lag, opening)
    jitter = (3 * _DAY * rng.random(n)).astype(np.int64)
    created = np.where(becomes >= 0, np.minimum(created, converted - 3600), created - jitter)
    known = np.flatnonzero(created <= cutoff)
    order = known[np.argsort(created[known], kind="stable")]
    return resembles[order], becomes[order], created[order], converted[order]


def _scores(converts: Flags, version: Codes, rng: Generator) -> tuple[Floats, Floats, Codes]:
    """Draw score, its three parts and the rating that follows from it."""
    n = len(converts)
    parts = rng.standard_normal((n, 3)) + converts[:, None] * np.array(SCORE_SHIFT)
    parts = np.clip(np.round(45 + _SCORE_SPREAD * parts), 0, 100)
    score = np.round((parts * np.array(SCORE_WEIGHTS)[version]).sum(axis=1), 1)
    return score, parts, np.select([score >= 56, score >= 42], [HOT, WARM], COLD).astype(np.int8)


def _trails(
    converts: Flags, ignored: Flags, response: Floats, lag: Floats, rng: Generator
) -> tuple[Floats, Codes]:
    """Draw the days after creation at which each slot is entered, and the end status.

    Infinite is never; shape (n, 8): the seven slots of ``_TRAIL`` and the end.
    """
    n = len(converts)
    depth = WORKING + np.searchsorted(np.cumsum(DEPTH_SHARE)[:-1], rng.random(n), side="right")
    depth = np.where(converts, CONVERTED, np.where(ignored, NEW, depth))
    recycled = (depth >= SAL) & (rng.random(n) < RECYCLED_SHARE)
    used = np.empty((n, 8), dtype=np.bool_)
    for slot, status in enumerate(_TRAIL):
        again = slot in (3, 4, 5)
        used[:, slot] = recycled if again else depth >= status
    skip = rng.random((n, 3)) < np.array([0.08, 0.06, 0.10])
    used[:, 0] &= ~(skip[:, 0] & converts)
    used[:, 2] &= ~(skip[:, 1] & converts)
    used[:, 6] &= ~(skip[:, 2] & converts)
    draw = rng.random(n)
    end = np.select([draw < _END_SHARE[0], draw < _END_SHARE[1]], [REJECTED, NURTURE], NEW)
    end = np.where(ignored, np.where(draw < 0.3, REJECTED, NEW), end)
    end = np.where(converts, CONVERTED, end)
    used[:, 7] = end != NEW

    steps = np.array(_STEP_DAYS) * np.exp(0.7 * rng.standard_normal((n, 8)))
    steps[:, 7] = np.where(ignored, 30 + 30 * rng.random(n), steps[:, 7])
    steps = np.where(used, steps, 0.0)
    steps[:, 0] = np.where(ignored, 0.0, response)
    after = np.cumsum(steps, axis=1)
    # A conversion happens when the deal is created: what precedes it is stretched to fit.
    first = np.where(converts, np.minimum(response, 0.5 * lag), response)
    rest = (after - steps[:, [0]]) / np.maximum(after[:, [7]] - steps[:, [0]], 1e-9)
    fitted = first[:, None] + rest * (lag - first)[:, None]
    at = np.where(converts[:, None], fitted, after)
    return np.where(used, at, np.inf), end.astype(np.int8)


def simulate_leads(
    deals: Deals,
    organisation: Organisation,
    first_number: int,
    model_changes: Ints,
    cutoff: int,
    future: bool,
    rng: Generator,
) -> Leads:
    """Simulate the leads around a block of deals, as recorded up to ``cutoff`` (UTC seconds).

    ``model_changes`` are the moments at which the score model changed. With ``future`` the deals
    lie beyond the cut: their leads are there, but not yet converted.
    """
    resembles, becomes, created, converted_at = _arrivals(deals, cutoff, rng)
    n = len(resembles)
    segment, _, territory, source = cell_codes(deals.cell[resembles])
    converts = becomes >= 0
    lag = np.maximum((converted_at - created) / _DAY, 0.0)

    version = np.searchsorted(model_changes, created, side="right").astype(np.int8)
    score, parts, rating = _scores(converts, version, rng)
    ignored = ~converts & (rng.random(n) < np.array(IGNORED_SHARE)[rating])
    minutes = np.array(RESPONSE_MEDIAN_MINUTES)[rating] * np.exp(
        RESPONSE_SIGMA * rng.standard_normal(n)
    )
    after, end = _trails(converts, ignored, minutes / 1440, lag, rng)
    seconds = created[:, None] + np.minimum(after * _DAY, 4e9).astype(np.int64)
    # Rounding must not put a conversion beside the creation of its deal.
    seconds[:, 7] = np.where(converts, converted_at, seconds[:, 7])
    seen = np.isfinite(after) & (seconds <= cutoff)

    statuses = np.empty((n, 8), dtype=np.int8)
    statuses[:, :7] = _TRAIL
    statuses[:, 7] = end
    old = np.zeros((n, 8), dtype=np.int8)
    status = np.zeros(n, dtype=np.int8)
    furthest = np.zeros(n, dtype=np.int8)
    for slot in range(8):
        old[:, slot] = status
        status = np.where(seen[:, slot], statuses[:, slot], status)
        furthest = np.maximum(furthest, np.where(status <= CONVERTED, status, 0))
    first_touch = created + (np.minimum(minutes * 60, np.where(converts, 0.5 * lag * _DAY, np.inf)))
    touched = np.where(ignored | (first_touch > cutoff), -1, first_touch).astype(np.int64)
    became = converts & seen[:, 7] & (not future)

    changes = np.where(seen, seconds, 0).max(axis=1)
    flags = rng.random((n, 4)) < np.array(_BANT_SHARE)[furthest][:, None]
    bant = np.where((furthest >= WORKING)[:, None], flags, -1).astype(np.int8)
    owner = assign(
        organisation.developers,
        organisation.developer_managers,
        territory,
        deals.lives.created[resembles] - lag,
        rng,
    )
    same_person = np.where(rng.random(n) < 0.04, 1 + rng.integers(0, 40, n), 0)
    return Leads(
        first_number=first_number,
        created=created,
        deal=np.where(became, becomes, -1),
        converted=np.where(became, converted_at, -1),
        touched=touched,
        modified=np.maximum(created, changes),
        status=status,
        source=source.astype(np.int8),
        lead_source=draw_lead_sources(source, rng),
        country=deals.country[resembles],
        employees=draw_employees(segment, rng),
        owner=owner,
        rating=rating,
        score=score,
        parts=parts,
        model=version,
        bant=bant,
        answer=np.where(rng.random(n) < 0.4, rng.integers(0, 8, n), -1).astype(np.int8),
        reason=np.where(status == REJECTED, rng.integers(0, len(REJECTION_REASONS), n), -1).astype(
            np.int8
        ),
        deleted=(rng.random(n) < 0.012) & ~became,
        same_person=np.minimum(same_person, first_number + np.arange(n)),
        changes_lead=np.nonzero(seen)[0],
        changes_at=seconds[seen],
        changes_old=old[seen],
        changes_new=statuses[seen],
    )


def score_auc(version: int) -> float:
    """Chance that a converted lead scores above another, by score model, before clipping.

    The weighted score of both kinds is normal with the same spread, so the area under the curve
    is Phi(d / sqrt 2) with d their distance in standard deviations.
    """
    weights = np.array(SCORE_WEIGHTS[version])
    distance = float(weights @ np.array(SCORE_SHIFT)) / float(np.sqrt((weights**2).sum()))
    return NormalDist().cdf(distance / 2**0.5)
