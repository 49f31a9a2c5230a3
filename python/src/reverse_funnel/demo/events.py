"""The events of a life that a CRM may record, in slots.

Every opportunity has the same fixed number of slots; a slot is empty when its time is infinite.
Whatever is in them is still in true time: recording them is the business of
:mod:`reverse_funnel.demo.history`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from reverse_funnel.demo import company as truth
from reverse_funnel.demo.calendar import Floats, Ints
from reverse_funnel.demo.closedates import SLIPS, ClosePlan
from reverse_funnel.demo.config import DERAILED, LOST, WON
from reverse_funnel.demo.lifecycle import (
    AMOUNT_LATE,
    AMOUNT_NEVER,
    AMOUNT_PROMPT,
    OPEN,
    Codes,
    Flags,
    Lives,
)

KEEP_STAGE: Final = -1
PREVIOUS_STAGE: Final = -2
"""Stage codes of an event: no change, or back to the last open stage (a reopening)."""

# Event slots. Of events at the same true time the lower slot comes first.
(
    _CREATE,
    _STAGE_1,
    _STAGE_2,
    _FILL_AMOUNT,
    _EDIT_AMOUNT,
    TIED_AMOUNT,
    _STAGE_3,
    _STAGE_4,
    _STAGE_5,
    _BACK,
    _FORWARD,
    _COMMIT,
    _PULL_IN,
    _EARLY_CLOSE,
    _REOPEN,
    _NUDGE,
) = range(16)
_NUDGES: Final = 9
_SLIP: Final = _NUDGE + _NUDGES
CLOSING: Final = _SLIP + SLIPS
_CORRECTION: Final = CLOSING + 1
SLOTS: Final = CLOSING + 2
NUDGE_CLOSE, NUDGE_AMOUNT, NUDGE_PROBABILITY = 1, 2, 3
_NUDGE_CHANCE: Final = (0.25, 0.85)
"""Chance of each small change of a deal never qualified, and of a qualified one."""


@dataclass(frozen=True)
class RecordedAmounts:
    """Amounts in the opportunity's own currency, rounded as people do; shape (n,)."""

    at_creation: Floats
    at_qualification: Floats
    at_close: Floats
    timing: Codes
    unit: Floats
    """What amounts are rounded to."""


@dataclass(frozen=True)
class Events:
    """Slots of n opportunities; every array has the shape (n, slots)."""

    time: Floats
    stage: Codes
    amount: Floats
    """NaN = no change."""
    close_day: Ints
    """-1 = no change."""
    commit: Flags
    nudge: Codes
    """What a small change is made to: ``_NUDGE_...``, 0 for events of other kinds."""
    size: Floats
    """How large: days, a factor, or points of probability."""


def round_to(amount: Floats, unit: Floats) -> Floats:
    """Amounts rounded to whole units, at least one."""
    return np.maximum(np.round(amount / unit), 1.0) * unit


def _empty_events(n: int, slots: int) -> Events:
    return Events(
        time=np.full((n, slots), np.inf),
        stage=np.full((n, slots), KEEP_STAGE, dtype=np.int8),
        amount=np.full((n, slots), np.nan),
        close_day=np.full((n, slots), -1, dtype=np.int64),
        commit=np.zeros((n, slots), dtype=np.bool_),
        nudge=np.zeros((n, slots), dtype=np.int8),
        size=np.zeros((n, slots)),
    )


def _put_stages(events: Events, lives: Lives, rng: Generator) -> None:
    """Creation, stages 1 to 5 with skips, and one step back (and mostly forward again)."""
    n = len(lives.created)
    at = lives.stage_at
    # Stages reached at the moment of creation are not seen: the deal starts beyond them.
    at_once = at <= lives.created[:, None]
    events.time[:, _CREATE] = lives.created
    events.stage[:, _CREATE] = at_once[:, :3].sum(axis=1) - 1
    skipped = rng.random((n, 6)) < truth.SKIP_STAGE
    skipped[:, 1] &= np.isfinite(at[:, 2]) & (rng.random(n) < 0.4)
    skipped[:, 2] &= np.isfinite(at[:, 3]) & (rng.random(n) < 0.15)
    skipped[:, 3] &= ~skipped[:, 2]
    # A stage is skipped only where a later one shows that it was passed.
    skipped[:, 3:] &= (np.arange(3, 6) < lives.last[:, None]) | (lives.outcome == WON)[:, None]
    slots = (_STAGE_1, _STAGE_2, _STAGE_3, _STAGE_4, _STAGE_5)
    for stage, slot in enumerate(slots, start=1):
        events.time[:, slot] = np.where(skipped[:, stage] | at_once[:, stage], np.inf, at[:, stage])
        events.stage[:, slot] = stage
    back = (rng.random(n) < truth.BACKWARD * 2.2) & (lives.last >= 3)
    entered = at[np.arange(n), lives.last]
    left = lives.active_until - entered
    events.time[:, _BACK] = np.where(back, entered + 0.3 * left, np.inf)
    events.stage[:, _BACK] = lives.last - 1
    forward = back & ((lives.outcome == WON) | (rng.random(n) < 0.5))
    events.time[:, _FORWARD] = np.where(forward, entered + 0.65 * left, np.inf)
    events.stage[:, _FORWARD] = lives.last


def _put_amounts(events: Events, lives: Lives, amounts: RecordedAmounts, rng: Generator) -> None:
    """Entry, late entry, edits on the way and the final amount."""
    n = len(lives.created)
    reached = np.isfinite(lives.qualified)
    qualified = np.where(reached, lives.qualified, lives.created)
    duration = lives.active_until - qualified
    prompt = amounts.timing == AMOUNT_PROMPT
    entry = np.where(prompt, amounts.at_qualification, np.nan)
    at_start = events.stage[:, _CREATE] >= 2
    events.amount[:, _CREATE] = np.where(at_start, entry, amounts.at_creation)
    events.amount[:, _STAGE_2] = entry
    unseen = ~np.isfinite(events.time[:, _STAGE_2]) & reached & ~at_start
    events.amount[:, _STAGE_3] = np.where(unseen, entry, np.nan)
    delay = np.where(amounts.timing == AMOUNT_LATE, 8 + 12 * rng.random(n), 0.3 + 5 * rng.random(n))
    filled = reached & ~prompt & (amounts.timing != AMOUNT_NEVER) & (delay < duration)
    events.time[:, _FILL_AMOUNT] = np.where(filled, qualified + delay, np.inf)
    events.amount[:, _FILL_AMOUNT] = amounts.at_qualification

    # Edits go part of the way, on the log scale, from the entry amount to the last one.
    step = np.log(amounts.at_close / amounts.at_qualification)
    known = reached & prompt
    for slot, share, chance in ((_STAGE_4, 0.4, 0.40), (TIED_AMOUNT, 0.8, 0.10)):
        value = round_to(amounts.at_qualification * np.exp(share * step), amounts.unit)
        events.amount[:, slot] = np.where(known & (rng.random(n) < chance), value, np.nan)
    events.time[:, TIED_AMOUNT] = np.where(
        np.isnan(events.amount[:, TIED_AMOUNT]), np.inf, events.time[:, _STAGE_5]
    )
    edit = known & (rng.random(n) < 0.45)
    events.time[:, _EDIT_AMOUNT] = np.where(
        edit, qualified + duration * (0.15 + 0.75 * rng.random(n)), np.inf
    )
    events.amount[:, _EDIT_AMOUNT] = round_to(
        amounts.at_qualification * np.exp(0.65 * step), amounts.unit
    )


def _put_closings(
    events: Events, lives: Lives, amounts: RecordedAmounts, plan: ClosePlan, rng: Generator
) -> None:
    """Close dates, the closing, a mistaken closing with its reopening, a later correction."""
    n = len(lives.created)
    events.close_day[:, _CREATE] = plan.at_creation
    events.close_day[:, _STAGE_2] = plan.at_qualification
    unseen = ~np.isfinite(events.time[:, _STAGE_2]) & np.isfinite(lives.qualified)
    events.close_day[:, _STAGE_3] = np.where(unseen, plan.at_qualification, -1)
    events.time[:, _SLIP:CLOSING] = plan.slip_at
    events.close_day[:, _SLIP:CLOSING] = plan.slip_to
    events.time[:, _PULL_IN] = plan.pull_at
    events.close_day[:, _PULL_IN] = plan.pull_to
    commit = (rng.random(n) < 0.35) & (lives.last >= 4)
    at_4 = np.where(commit, lives.stage_at[:, 4], lives.created)
    events.time[:, _COMMIT] = np.where(
        commit, at_4 + (0.3 + 0.6 * rng.random(n)) * (lives.active_until - at_4), np.inf
    )
    events.commit[:, _COMMIT] = True

    won = lives.outcome == WON
    events.time[:, CLOSING] = lives.closed
    events.stage[:, CLOSING] = np.where(lives.outcome == OPEN, KEEP_STAGE, lives.outcome)
    events.amount[:, CLOSING] = np.where(won, amounts.at_close, np.nan)
    corrected = won & (rng.random(n) < 0.03)
    events.time[:, _CORRECTION] = np.where(corrected, lives.closed + 1 + 18 * rng.random(n), np.inf)
    events.amount[:, _CORRECTION] = round_to(
        amounts.at_close * (0.9 + 0.2 * rng.random(n)), amounts.unit
    )

    begun = np.where(np.isfinite(lives.qualified), lives.qualified, lives.created)
    long_enough = lives.active_until - begun > 30
    reopened = long_enough & (rng.random(n) < truth.REOPENED * 1.3)
    draw = rng.random(n)
    kind = np.select([draw < 0.62, draw < 0.84], [LOST, DERAILED], WON)
    # Won by mistake: only what could be won at all, with an amount.
    winnable = np.isfinite(lives.qualified) & (amounts.timing == AMOUNT_PROMPT)
    kind = np.where((kind == WON) & ~winnable, LOST, kind)
    gone = np.where(kind == WON, 0.06, 0.15 + 0.2 * rng.random(n))
    span = lives.active_until - begun
    events.time[:, _EARLY_CLOSE] = np.where(reopened, begun + 0.45 * span, np.inf)
    events.stage[:, _EARLY_CLOSE] = kind
    events.amount[:, _EARLY_CLOSE] = np.where(kind == WON, amounts.at_qualification, np.nan)
    events.time[:, _REOPEN] = np.where(reopened, begun + (0.45 + gone) * span, np.inf)
    events.stage[:, _REOPEN] = PREVIOUS_STAGE
    events.close_day[:, _REOPEN] = plan.after_reopening
    # While closed, nothing else happens to the deal.
    between = (events.time > events.time[:, [_EARLY_CLOSE]]) & (
        events.time < events.time[:, [_REOPEN]]
    )
    between &= reopened[:, None]
    # But the first row to show that the deal was qualified only waits for the reopening.
    waits = between[:, _STAGE_3] & unseen
    events.time[:, _STAGE_3] = np.where(
        waits, events.time[:, _REOPEN] + 0.01, events.time[:, _STAGE_3]
    )
    between[:, _STAGE_3] &= ~waits
    events.time[between] = np.inf


def _put_nudges(events: Events, lives: Lives, rng: Generator) -> None:
    """Small changes on the way: dates by days, amounts by percents, probabilities by points."""
    n = len(lives.created)
    reached = np.isfinite(lives.qualified)
    begun = np.where(reached, lives.qualified, lives.created)
    chance = np.where(reached, _NUDGE_CHANCE[1], _NUDGE_CHANCE[0])
    shape = (n, _NUDGES)
    slots = slice(_NUDGE, _NUDGE + _NUDGES)
    at = begun[:, None] + (lives.active_until - begun)[:, None] * rng.random(shape)
    events.time[:, slots] = np.where(rng.random(shape) < chance[:, None], at, np.inf)
    draw = rng.random(shape)
    # There is no amount to speak of before qualification.
    kind = np.select(
        [draw < 0.42, (draw < 0.62) & reached[:, None]],
        [NUDGE_CLOSE, NUDGE_AMOUNT],
        NUDGE_PROBABILITY,
    )
    size = rng.standard_normal(shape)
    events.nudge[:, slots] = kind
    events.size[:, slots] = np.select(
        [kind == NUDGE_CLOSE, kind == NUDGE_AMOUNT],
        [np.rint(4 + 9 * size), np.exp(0.08 * size)],
        np.where(size > 0, 10.0, -5.0),
    )


def draw_events(lives: Lives, amounts: RecordedAmounts, plan: ClosePlan, rng: Generator) -> Events:
    """Draw the events of n lives."""
    events = _empty_events(len(lives.created), SLOTS)
    _put_stages(events, lives, rng)
    _put_amounts(events, lives, amounts, rng)
    _put_nudges(events, lives, rng)
    _put_closings(events, lives, amounts, plan, rng)
    return events
