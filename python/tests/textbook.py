"""Curves and rates by the book, in exact fractions.

Written from the definitions, age by age, with sets of the spells at risk: it shares neither code
nor method with the running sums of the SQL. Kalbfleisch and Prentice, The Statistical Analysis of
Failure Time Data, ch. 8; the variance is the delta method's, as in docs/methods/conversion.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from spell_lab import ADVANCED, DERAILED, LOST, OPEN, Spell, Window


@dataclass(frozen=True)
class Seen:
    """A spell as a window sees it: under observation at the ages entry to exit, both included."""

    entry: int
    exit: int
    cause: int
    is_cohort: bool


@dataclass(frozen=True)
class Point:
    """One age of a curve; shares are of all spells, ``std_error`` that of ``advanced_by``."""

    age: int
    entered: int
    at_risk: int
    ended: tuple[int, int, int, int]
    """How many left at this age, by cause."""
    surviving_before: Fraction
    incidence: Fraction
    advanced_by: Fraction
    lost_by: Fraction
    derailed_by: Fraction
    std_error: float


def seen(spells: Iterable[Spell], window: Window) -> list[Seen]:
    """What the window saw of the spells: later ends are still open on its last day."""
    last_day = window.ends - 1
    return [
        Seen(
            entry=max(0, window.starts - spell.entered),
            exit=min(spell.left, last_day) - spell.entered,
            cause=spell.cause if spell.left <= last_day else OPEN,
            is_cohort=spell.entered >= window.starts,
        )
        for spell in spells
        if spell.entered <= last_day and spell.left >= window.starts
    ]


def curve(spells: Sequence[Seen]) -> list[Point]:
    """Aalen-Johansen at every age at which a spell came or went."""
    points: list[Point] = []
    surviving = Fraction(1)
    by_cause = {ADVANCED: Fraction(0), LOST: Fraction(0), DERAILED: Fraction(0)}
    for age in sorted({spell.entry for spell in spells} | {spell.exit for spell in spells}):
        at_risk = [spell for spell in spells if spell.entry <= age <= spell.exit]
        ended = [
            sum(1 for spell in at_risk if spell.exit == age and spell.cause == cause)
            for cause in (OPEN, ADVANCED, LOST, DERAILED)
        ]
        before, n = surviving, len(at_risk)
        for cause, total in by_cause.items():
            by_cause[cause] = total + before * Fraction(ended[cause], n)
        surviving *= 1 - Fraction(sum(ended[1:]), n)
        point = Point(
            age=age,
            entered=sum(1 for spell in spells if spell.entry == age),
            at_risk=n,
            ended=(ended[0], ended[1], ended[2], ended[3]),
            surviving_before=before,
            incidence=before * Fraction(ended[ADVANCED], n),
            advanced_by=by_cause[ADVANCED],
            lost_by=by_cause[LOST],
            derailed_by=by_cause[DERAILED],
            std_error=0.0,
        )
        variance = _variance([*points, point])
        points.append(
            Point(**{**point.__dict__, "std_error": math.sqrt(variance) if variance > 0 else 0.0})
        )
    return points


def _variance(points: Sequence[Point]) -> Fraction:
    """Variance of the last point's ``advanced_by``: the sum over the ages up to it."""
    variance, final = Fraction(0), points[-1].advanced_by
    for point in points:
        n, advanced, ended = point.at_risk, point.ended[ADVANCED], sum(point.ended[1:])
        still_to_come = final - point.advanced_by
        if ended < n:
            variance += still_to_come**2 * Fraction(ended, n * (n - ended))
        variance += point.surviving_before**2 * Fraction(advanced * (n - advanced), n**3)
        variance -= 2 * still_to_come * point.surviving_before * Fraction(advanced, n**2)
    return variance


def rates(spells: Sequence[Seen], horizon: int) -> dict[str, float | None]:
    """The columns of int_estimates__rates, by name."""
    points = [point for point in curve(spells) if point.age <= horizon]
    last = points[-1] if points else None
    entered = sum(1 for spell in spells if spell.entry <= horizon)
    ended = [sum(point.ended[cause] for point in points) for cause in range(4)]
    cohort = [spell for spell in spells if spell.is_cohort]
    closed = [spell for spell in spells if spell.cause != OPEN]
    # Somebody is at an age that nobody is estimated to reach, or that nobody who was watched before
    # was watched up to: the curve says nothing.
    is_broken = any(
        point.surviving_before == 0
        or not any(spell.entry < point.age <= spell.exit for spell in spells)
        for point in points[1:]
    )
    if is_broken:
        last, points = None, []
    rate = last.advanced_by if last else None
    advances = [(point.age, point.incidence / rate) for point in points] if rate else []
    mean = sum((age * share for age, share in advances), Fraction(0))
    variance = sum((age**2 * share for age, share in advances), Fraction(0)) - mean**2
    return {
        "n": entered,
        "n_open": entered - sum(ended[1:]),
        "n_advanced": ended[ADVANCED],
        "n_lost": ended[LOST],
        "n_derailed": ended[DERAILED],
        "rate": _number(rate),
        "std_error": last.std_error if last else None,
        "lost_rate": _number(last.lost_by if last else None),
        "derailed_rate": _number(last.derailed_by if last else None),
        "rate_naive": _share(cohort),
        "rate_period": _share(closed),
        "mean_days": float(mean) if advances else None,
        "mean_days_std_error": math.sqrt(variance / ended[ADVANCED]) if advances else None,
        "p25_days": _age_of([(p.age, p.advanced_by) for p in points], Fraction(1, 4)),
        "median_days": _age_of([(p.age, p.advanced_by) for p in points], Fraction(1, 2)),
        "p75_days": _age_of([(p.age, p.advanced_by) for p in points], Fraction(3, 4)),
        "median_days_to_loss": _age_of([(p.age, p.lost_by) for p in points], Fraction(1, 2)),
        "median_days_in_stage": next(
            (
                point.age
                for point in ([] if is_broken else curve(spells))
                if point.advanced_by + point.lost_by + point.derailed_by >= Fraction(1, 2)
            ),
            None,
        ),
    }


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _share(spells: Sequence[Seen]) -> float | None:
    if not spells:
        return None
    return sum(1 for spell in spells if spell.cause == ADVANCED) / len(spells)


def _age_of(curve_of_one_cause: Sequence[tuple[int, Fraction]], share: Fraction) -> int | None:
    """First age at which a curve has that share of where it ends; none where it stays at zero."""
    end = curve_of_one_cause[-1][1] if curve_of_one_cause else Fraction(0)
    return next((age for age, value in curve_of_one_cause if end and value >= share * end), None)
