"""The as-of days of a back-test: ends of fiscal quarters or months, or week 3 of each quarter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from reverse_funnel.errors import Fault, InputError
from reverse_funnel.plan.months import first_day, month_of

EVERY = ("quarter", "month", "week3")
DEFAULT_QUARTERS = 8
_DAY = timedelta(days=1)


def as_of_days(
    first: date | None,
    last: date | None,
    *,
    every: str,
    latest: date,
    fiscal_year_start_month: int = 1,
    week3_day: int = 21,
) -> list[date]:
    """Return the as-of days from `first` to `last`, both included, in order.

    Parameters
    ----------
    first, last
        Bounds; `last` defaults to `latest`, `first` to eight quarters before `last`.
    every
        `quarter` and `month`: the last day of each; `week3`: the day of the quarter on which its
        pipeline is held against its bookings.
    latest
        The day the warehouse speaks for; nothing is known of a later one.
    fiscal_year_start_month
        Month, 1 to 12, the fiscal year starts in.
    week3_day
        Day of the quarter, counted from 1; used by `week3` only.

    Raises `InputError` where there is no such day, or `last` is later than `latest`.

    """
    end = last or latest
    if end > latest:
        raise InputError(
            Fault(
                problem=f"the warehouse speaks for {latest}: nothing is known of {end}",
                remedy="give --to a day not after that",
            )
        )
    start = first or first_day(month_of(end) - 3 * DEFAULT_QUARTERS + 1)
    days = [
        day
        for day in _candidates(start, end, every, fiscal_year_start_month, week3_day)
        if start <= day <= end
    ]
    if not days:
        what = "third week of a quarter" if every == "week3" else f"end of a {every}"
        raise InputError(
            Fault(
                problem=f"there is no {what} from {start} to {end}",
                remedy="set --from and --to further apart",
            )
        )
    return days


def _candidates(
    start: date, end: date, every: str, first_month: int, week3_day: int
) -> Iterator[date]:
    for month in range(month_of(start) - 2, month_of(end) + 2):
        begins = first_day(month)
        begins_quarter = (begins.month - first_month) % 3 == 0
        if every == "week3":
            if begins_quarter:
                yield begins + timedelta(days=week3_day - 1)
        elif every == "month" or begins_quarter:
            yield begins - _DAY
