"""Months as consecutive integers, so that a plan's axis is plain arithmetic.

Month m is the m-th since year 0: 12 * year + month - 1.
"""

from __future__ import annotations

from datetime import date, timedelta

# Mean length of a month in days: 365.25 ÷ 12.
DAYS_PER_MONTH = 30.4375


def month_of(day: date) -> int:
    """Return the month that holds a day."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    """Return a month's first day."""
    return date(month // 12, month % 12 + 1, 1)


def fiscal_year(month: int, start_month: int) -> int:
    """Return the fiscal year of a month, named after the calendar year it ends in.

    `start_month` is 1 to 12; with 1 the fiscal year is the calendar year.
    """
    return month // 12 + (1 if start_month > 1 and month % 12 + 1 >= start_month else 0)


def start_of_year(month: int, start_month: int) -> int:
    """Return the first month of the fiscal year that holds a month; `start_month` is 1 to 12."""
    return month - (month - (start_month - 1)) % 12


def share_of_month(day: date) -> float:
    """Return the share of its month that is over when a day begins, from 0 to less than 1."""
    start = first_day(month_of(day))
    return (day - start).days / (first_day(month_of(day) + 1) - start).days


def month_of_text(text: str) -> int:
    """Return the month of a date written YYYY-MM-DD."""
    return month_of(date.fromisoformat(text[:10]))


def month_of_next(day: date) -> int:
    """Return the month that holds the day after a day."""
    return month_of(day + timedelta(days=1))


def quarter_name(month: int, start_month: int) -> str:
    """Return the name of the fiscal quarter that holds a month, such as FY2026-Q3."""
    quarter = (month - (start_month - 1)) % 12 // 3 + 1
    return f"FY{fiscal_year(month, start_month)}-Q{quarter}"
