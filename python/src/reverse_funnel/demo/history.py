"""What the CRM records of a life: the rows of the opportunity history, and the state left.

Events are put in the order of true time, given recording times (late logging keeps the order),
cut at the as-of moment, and folded into states: a row of the history is the state after an
event that changed stage, amount, close date or probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from reverse_funnel.demo import company as truth
from reverse_funnel.demo.calendar import Floats, Ints, to_seconds
from reverse_funnel.demo.closedates import ClosePlan
from reverse_funnel.demo.config import QUALIFIED, STAGE_PROBABILITY, WON
from reverse_funnel.demo.events import (
    CLOSING,
    KEEP_STAGE,
    NUDGE_AMOUNT,
    NUDGE_CLOSE,
    NUDGE_PROBABILITY,
    PREVIOUS_STAGE,
    TIED_AMOUNT,
    Events,
    RecordedAmounts,
    draw_events,
    round_to,
)
from reverse_funnel.demo.lifecycle import Codes, Flags, Lives

PIPELINE, BEST_CASE, COMMIT, CLOSED, OMITTED = range(5)
_CATEGORY = np.array([0, 0, 0, 0, 1, 2, 3, 4, 4], dtype=np.int8)
_PROBABILITY = np.array(STAGE_PROBABILITY, dtype=np.int8)
_DAY = 86_400
_LATE_MEAN_DAYS = 2.5
_LATE_MAX_DAYS = 25.0
_SAME_SECOND = 0.6


@dataclass(frozen=True)
class HistoryRows:
    """Rows of the opportunity history in the order of opportunity, then recording; shape (m,)."""

    opportunity: Ints
    """Position in the block."""
    recorded: Ints
    """UTC seconds."""
    stage: Codes
    amount: Floats
    close_day: Ints
    probability: Codes
    category: Codes


@dataclass(frozen=True)
class Recorded:
    """What is known of each opportunity as of the cut, shape (n,), and its history."""

    rows: HistoryRows
    stage: Codes
    amount: Floats
    close_day: Ints
    probability: Codes
    category: Codes
    modified: Ints
    stage_changed: Ints
    deleted: Flags
    qualified: Ints
    """UTC seconds at which stage 2 or beyond was first recorded; -1 where it was not."""


def _recording_times(time: Floats, slot: Ints, opening: Floats, rng: Generator) -> Ints:
    """UTC seconds of recording, never decreasing along a row; far future for empty slots.

    ``time`` and ``slot`` have the shape (n, slots) and are in the order of true time.
    """
    n, slots = time.shape
    seconds = to_seconds(time, opening[:, None])
    late = rng.random((n, slots)) < np.where(slot == CLOSING, 1.3, 1.0) * truth.LATE_LOGGED
    late[:, 0] = False
    delays = np.minimum(rng.exponential(_LATE_MEAN_DAYS, int(late.sum())), _LATE_MAX_DAYS)
    # Whole days: what is logged late is logged in office hours as well.
    seconds[late] += (np.ceil(delays) * _DAY).astype(np.int64)
    gap = rng.integers(4, 90, size=(n, slots))
    # Some pages save amount and stage as two rows of the same second.
    after_amount = np.zeros((n, slots), dtype=np.bool_)
    after_amount[:, 1:] = slot[:, :-1] == TIED_AMOUNT
    gap[after_amount & (rng.random((n, slots)) < _SAME_SECOND)] = 0
    gap[:, 0] = 0
    offset = np.cumsum(gap, axis=1)
    recorded: Ints = np.maximum.accumulate(seconds - offset, axis=1) + offset
    return recorded


def record(
    lives: Lives,
    amounts: RecordedAmounts,
    plan: ClosePlan,
    deleted_at: Floats,
    opening: Floats,
    cutoff: int,
    rng: Generator,
) -> Recorded:
    """Record the lives of n opportunities up to ``cutoff`` (UTC seconds, included)."""
    events = draw_events(lives, amounts, plan, rng)
    order = np.argsort(events.time, axis=1, kind="stable")
    time = np.take_along_axis(events.time, order, axis=1)
    recorded = _recording_times(time, order, opening, rng)
    deleted_seconds = to_seconds(deleted_at, opening)
    kept = (
        np.isfinite(time)
        & (recorded <= cutoff)
        & (recorded <= np.maximum(deleted_seconds, recorded[:, 0])[:, None])
    )
    deleted_seconds = np.maximum(deleted_seconds, recorded[:, 0] + 60)
    in_order = Events(
        *(np.take_along_axis(column, order, axis=1) for column in vars(events).values())
    )
    deleted = np.where(deleted_seconds <= cutoff, deleted_seconds, -1)
    return _fold(kept, recorded, in_order, amounts.unit, deleted)


def _fold(kept: Flags, recorded: Ints, events: Events, unit: Floats, deleted: Ints) -> Recorded:
    """Fold events, already in order, into states; two-dimensional arguments are (n, slots)."""
    n, slots = kept.shape
    stage = np.full(n, KEEP_STAGE, dtype=np.int8)
    open_stage = np.zeros(n, dtype=np.int8)
    amount = np.full(n, np.nan)
    close_day = np.full(n, -1, dtype=np.int64)
    probability = np.zeros(n, dtype=np.int8)
    category = np.zeros(n, dtype=np.int8)
    modified = np.zeros(n, dtype=np.int64)
    stage_changed = np.zeros(n, dtype=np.int64)
    qualified = np.full(n, -1, dtype=np.int64)
    emitted = np.zeros((n, slots), dtype=np.bool_)
    states: list[tuple[Codes, Floats, Ints, Codes, Codes]] = []
    for slot in range(slots):
        use = kept[:, slot]
        now = recorded[:, slot]
        event = events.stage[:, slot]
        wanted = np.where(event == PREVIOUS_STAGE, open_stage, event)
        new_stage = np.where(use & (event != KEEP_STAGE), wanted, stage)
        moved = new_stage != stage
        is_open = new_stage < WON
        nudge = np.where(use & is_open, events.nudge[:, slot], 0)
        size = events.size[:, slot]

        given = events.amount[:, slot]
        new_amount = np.where(use & ~np.isnan(given), given, amount)
        resized = nudge == NUDGE_AMOUNT
        new_amount[resized] = round_to(amount[resized] * size[resized], unit[resized])
        today = now // _DAY
        planned = events.close_day[:, slot]
        new_close = np.where(use & (planned >= 0), planned, close_day)
        shifted = np.maximum(close_day + size.astype(np.int64), today)
        new_close = np.where((nudge == NUDGE_CLOSE) & (close_day > today), shifted, new_close)
        new_close = np.where(moved & ~is_open, today, new_close)
        guess = np.clip(probability + size, 5, 95)
        new_probability = np.where(nudge == NUDGE_PROBABILITY, guess, probability)
        committing = use & events.commit[:, slot] & is_open
        new_probability = np.where(committing, 90, new_probability)
        new_probability = np.where(moved, _PROBABILITY[new_stage], new_probability).astype(np.int8)
        new_category = np.where(
            moved, _CATEGORY[new_stage], np.where(committing, COMMIT, category)
        ).astype(np.int8)

        same_amount = (new_amount == amount) | (np.isnan(new_amount) & np.isnan(amount))
        changed = use & (
            moved | ~same_amount | (new_close != close_day) | (new_probability != probability)
        )
        stage, amount, close_day = new_stage, new_amount, new_close
        probability, category = new_probability, new_category
        open_stage = np.where(is_open, stage, open_stage).astype(np.int8)
        modified = np.where(changed, now, modified)
        stage_changed = np.where(moved, now, stage_changed)
        reached = (stage == WON) | (is_open & (stage >= QUALIFIED))
        qualified = np.where((qualified < 0) & use & reached, now, qualified)
        emitted[:, slot] = changed
        states.append((stage, amount, close_day, probability, category))

    def rows(part: int) -> NDArray[np.generic]:
        return np.stack([state[part] for state in states], axis=1)[emitted]

    return Recorded(
        rows=HistoryRows(
            opportunity=np.nonzero(emitted)[0],
            recorded=recorded[emitted],
            stage=rows(0).astype(np.int8),
            amount=rows(1).astype(np.float64),
            close_day=rows(2).astype(np.int64),
            probability=rows(3).astype(np.int8),
            category=rows(4).astype(np.int8),
        ),
        stage=stage,
        amount=amount,
        close_day=close_day,
        probability=probability,
        category=category,
        modified=np.maximum(modified, deleted),
        stage_changed=stage_changed,
        deleted=deleted >= 0,
        qualified=qualified,
    )
