"""Clocks: model days, business time, months, fiscal quarters and the pull to quarter end.

Two time scales are used.

* *Model days*, float: days since Monday 1970-01-05, with weeks of seven days, in which every
  duration is drawn.
* *Seconds*, int64: UTC seconds since 1970-01-01, as a CRM records them.

:func:`to_seconds` maps the first to the second, monotonically, so that everything happens in
office hours from Monday to Friday; :func:`model_day` is the model time at which a calendar day
starts under that mapping. No event moves by more than two days and a bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EPOCH = date(1970, 1, 1)
_MONDAY_OFFSET = 4
_DAY = 86_400
_OFFICE_DAY = 9.5 * 3600
OPENING_SECONDS = np.array([13.5, 7.0, 0.2]) * 3600
"""Start of the office day, UTC, by territory; the day never runs over midnight UTC."""
_DATE_MIN, _DATE_MAX = date(1990, 1, 1), date(2079, 12, 31)


def day_number(day: date) -> int:
    """Count the days from 1970-01-01 to ``day``."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """Inverse of :func:`day_number`."""
    return _EPOCH + timedelta(days=number)


def model_day(days: NDArray[np.integer] | int) -> Floats:
    """Model time at which the calendar days (since 1970-01-01) start."""
    number = np.asarray(days, dtype=np.float64) - _MONDAY_OFFSET
    week = np.floor(number / 7)
    # A hair later, so that rounding cannot put the start of a day into the day before.
    return np.asarray(7 * week + np.minimum(number - 7 * week, 5) * 1.4 + 1e-9)


def to_seconds(time: Floats, opening: Floats) -> Ints:
    """Map model times to UTC seconds; ``opening`` is the start of the office day in seconds.

    Infinite times become a far future that still fits an int64.
    """
    finite = np.minimum(time, 1e6)
    week = np.floor(finite / 7)
    workday = (finite - 7 * week) / 1.4
    day = np.floor(workday)
    seconds = (7 * week + day + _MONDAY_OFFSET) * _DAY + opening + (workday - day) * _OFFICE_DAY
    return np.asarray(seconds, dtype=np.int64)


def to_day(time: Floats) -> Ints:
    """Calendar day (since 1970-01-01) on which model times fall."""
    finite = np.minimum(time, 1e6)
    week = np.floor(finite / 7)
    day = 7 * week + np.floor((finite - 7 * week) / 1.4) + _MONDAY_OFFSET
    return np.asarray(day, dtype=np.int64)


def month_starts(first: date, months: int) -> list[date]:
    """First days of ``months`` + 1 consecutive months from that of ``first``."""
    start = first.year * 12 + first.month - 1
    return [date(m // 12, m % 12 + 1, 1) for m in range(start, start + months + 1)]


def months_between(first: date, last: date) -> int:
    """Whole months from the month of ``first`` to the month of ``last``."""
    return (last.year - first.year) * 12 + last.month - first.month


@dataclass(frozen=True)
class Quarters:
    """Fiscal quarters as sorted boundaries, in calendar days and in model days."""

    days: Ints
    model: Floats

    @classmethod
    def of(cls, fiscal_year_start_month: int) -> Quarters:
        """All fiscal quarters between 1990 and 2079."""
        starts = [
            day_number(m)
            for m in month_starts(_DATE_MIN, months_between(_DATE_MIN, _DATE_MAX))
            if (m.month - fiscal_year_start_month) % 3 == 0
        ]
        days = np.array(starts, dtype=np.int64)
        return cls(days=days, model=model_day(days))

    def end_of(self, days: Ints) -> Ints:
        """Last calendar day of the quarter in which each of ``days`` lies."""
        at = np.searchsorted(self.days, days, side="right")
        return np.asarray(self.days[np.minimum(at, len(self.days) - 1)] - 1)


_MONTH_STARTS = np.array(
    [day_number(m) for m in month_starts(_DATE_MIN, months_between(_DATE_MIN, _DATE_MAX))],
    dtype=np.int64,
)


def month_end_of(days: Ints) -> Ints:
    """Last calendar day of the month in which each of ``days`` lies."""
    at = np.searchsorted(_MONTH_STARTS, days, side="right")
    return np.asarray(_MONTH_STARTS[np.minimum(at, len(_MONTH_STARTS) - 1)] - 1)


def month_index(days: Ints, first: date) -> Ints:
    """Months from the month of ``first`` to the month in which each of ``days`` lies."""
    origin = int(np.searchsorted(_MONTH_STARTS, day_number(first), side="right"))
    return np.asarray(np.searchsorted(_MONTH_STARTS, days, side="right") - origin)


@dataclass(frozen=True)
class ClosingPull:
    """How closings crowd the end of the fiscal quarter.

    A share ``delayed`` of closings keeps its quarter but moves later in it: a fraction f of the
    quarter gone becomes 1 - (1 - f) ** ``bend``. Of the closings that would fall in the first
    ``window`` days of a quarter, a share ``advanced`` is brought forward into the last
    ``target`` days of the quarter before.
    """

    delayed: float
    advanced: float
    bend: float = 2.4
    window: float = 28.0
    target: float = 12.0

    def apply(
        self, close: Floats, earliest: Floats, quarters: Quarters, uniform: Floats, spread: Floats
    ) -> Floats:
        """Return closing times after the pull, in model days; never before ``earliest``.

        ``uniform`` and ``spread`` are independent uniform numbers of the shape of ``close``.
        """
        at = np.clip(
            np.searchsorted(quarters.model, close, side="right"), 1, len(quarters.model) - 1
        )
        start = quarters.model[at - 1]
        length = quarters.model[at] - start
        gone = np.clip((close - start) / length, 0.0, 1.0)
        later = start + length * (1 - (1 - gone) ** self.bend)
        sooner = start - self.target * spread - 0.01
        brought_forward = (
            (close - start < self.window) & (uniform < self.advanced) & (sooner > earliest)
        )
        # The two kinds use the two ends of the same uniform number, so no deal is in both.
        moved = np.where(uniform > 1 - self.delayed, later, close)
        return np.where(brought_forward, sooner, moved)
