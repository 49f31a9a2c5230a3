from __future__ import annotations

from datetime import date

import pytest

from reverse_funnel.plan.months import first_day, fiscal_year, month_of


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2026, 1, 1), date(2024, 2, 29)])
def test_a_month_begins_on_its_first_day(day: date) -> None:
    assert first_day(month_of(day)) == day.replace(day=1)


def test_december_is_followed_by_january() -> None:
    assert first_day(month_of(date(2025, 12, 5)) + 1) == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("day", "start_month", "year"),
    [
        (date(2026, 1, 1), 1, 2026),
        (date(2026, 12, 1), 1, 2026),
        (date(2026, 1, 1), 2, 2026),
        (date(2026, 2, 1), 2, 2027),
        (date(2026, 6, 1), 7, 2026),
        (date(2026, 7, 1), 7, 2027),
    ],
)
def test_a_fiscal_year_is_named_after_the_year_it_ends_in(
    day: date, start_month: int, year: int
) -> None:
    assert fiscal_year(month_of(day), start_month) == year
