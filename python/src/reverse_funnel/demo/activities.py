"""Calls, e-mails and meetings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from reverse_funnel.demo.calendar import Floats, Ints, to_seconds
from reverse_funnel.demo.deals import Deals
from reverse_funnel.demo.leads import Leads
from reverse_funnel.demo.lifecycle import Codes, Flags

CALL, EMAIL = range(2)
COMPLETED, NO_SHOW, CANCELLED = range(3)
PLANNED = -1
_DAY = 86_400


@dataclass(frozen=True)
class Touches:
    """Completed calls and e-mails, shape (m,). ``lead`` and ``deal`` are numbers, -1 for none."""

    lead: Ints
    deal: Ints
    owner: Ints
    at: Ints
    kind: Codes


@dataclass(frozen=True)
class Meetings:
    """Meetings booked, shape (m,), some of them still to be held (outcome ``PLANNED``)."""

    lead: Ints
    deal: Ints
    owner: Ints
    creator: Ints
    created: Ints
    start: Ints
    outcome: Codes


def leads_of(deals: Deals, leads: Leads) -> Ints:
    """Return the number of the lead that became each deal, -1 for none."""
    lead = np.full(len(deals), -1, dtype=np.int64)
    became = np.flatnonzero(leads.deal >= 0)
    lead[leads.deal[became]] = leads.first_number + became
    return lead


def draw_touches(deals: Deals, leads: Leads, cutoff: int, rng: Generator) -> Touches:
    """First contacts of leads, some follow-ups, and contacts on qualified deals."""
    first = np.flatnonzero(leads.touched >= 0)
    again = first[rng.random(len(first)) < 0.40]
    more = leads.touched[again] + (_DAY * (0.2 + rng.exponential(4.0, len(again)))).astype(np.int64)
    qualified = np.flatnonzero(np.isfinite(deals.lives.qualified))
    repeats = np.repeat(qualified, rng.poisson(1.2, len(qualified)))
    worked = _during(deals, repeats, rng)
    at = np.concatenate([leads.touched[first], more, worked])
    none_lead = np.full(len(first) + len(again), -1, dtype=np.int64)
    touches = Touches(
        lead=np.concatenate(
            [leads.first_number + first, leads.first_number + again, np.full(len(repeats), -1)]
        ),
        deal=np.concatenate([none_lead, deals.first_number + repeats]),
        owner=np.concatenate([leads.owner[first], leads.owner[again], deals.first_owner[repeats]]),
        at=at,
        kind=np.where(rng.random(len(at)) < 0.45, CALL, EMAIL).astype(np.int8),
    )
    keep = at <= cutoff
    keep[len(none_lead) :] &= _alive(deals, repeats, worked)
    return Touches(
        lead=touches.lead[keep],
        deal=touches.deal[keep],
        owner=touches.owner[keep],
        at=at[keep],
        kind=touches.kind[keep],
    )


def _during(deals: Deals, at: Ints, rng: Generator) -> Ints:
    """Draw a moment between qualification and the end of each deal, UTC seconds."""
    begun = deals.lives.qualified[at]
    moment: Floats = begun + (deals.lives.active_until[at] - begun) * rng.random(len(at))
    return to_seconds(moment, deals.opening[at])


def _alive(deals: Deals, at: Ints, seconds: Ints) -> Flags:
    """Tell whether each deal still existed at each moment."""
    return ~deals.recorded.deleted[at] | (seconds < deals.recorded.modified[at])


def draw_meetings(deals: Deals, leads: Leads, cutoff: int, rng: Generator) -> Meetings:
    """Draw first meetings of deals that start with one, reschedulings and later meetings."""
    lives = deals.lives
    lead = leads_of(deals, leads)
    created = to_seconds(lives.created, deals.opening)
    booked = np.flatnonzero(~(lives.stage_at[:, 1] <= lives.created))
    held = np.isfinite(lives.stage_at[booked, 1])
    wait = 5.5 * np.exp(0.6 * rng.standard_normal(len(booked)))
    planned = np.where(held, lives.stage_at[booked, 1], lives.created[booked] + wait)
    start = to_seconds(planned, deals.opening[booked])
    missed = np.where(rng.random(len(booked)) < 0.55, NO_SHOW, CANCELLED)
    outcome = np.where(held, COMPLETED, missed)
    moved = np.flatnonzero(rng.random(len(booked)) < 0.12)
    moved_from = created[booked[moved]] + (
        (start[moved] - created[booked[moved]]) * (0.3 + 0.4 * rng.random(len(moved)))
    ).astype(np.int64)
    qualified = np.flatnonzero(np.isfinite(lives.qualified))
    repeats = np.repeat(qualified, rng.poisson(0.8, len(qualified)))
    later = _during(deals, repeats, rng)
    invited = np.maximum(later - 5 * _DAY, created[repeats])

    at = np.concatenate([booked, booked[moved], repeats])
    begins = np.concatenate([start, moved_from, later])
    made = np.concatenate([created[booked], created[booked[moved]], invited])
    before = rng.integers(NO_SHOW, CANCELLED + 1, len(moved))
    result = np.concatenate([outcome, before, np.full(len(repeats), COMPLETED)])
    creator = np.concatenate(
        [deals.creator[booked], deals.creator[booked[moved]], deals.first_owner[repeats]]
    )
    keep = (made <= cutoff) & _alive(deals, at, made)
    return Meetings(
        lead=lead[at[keep]],
        deal=deals.first_number + at[keep],
        owner=deals.first_owner[at[keep]],
        creator=creator[keep],
        created=made[keep],
        start=begins[keep],
        outcome=np.where(begins[keep] <= cutoff, result[keep], PLANNED).astype(np.int8),
    )
