from __future__ import annotations

from datetime import date

import pytest

from reverse_funnel.backtest import as_of_days
from reverse_funnel.errors import InputError

TODAY = date(2026, 8, 31)


def days(first: str | None, last: str | None, every: str = "quarter", **more: int) -> list[str]:
    bounds = [date.fromisoformat(text) if text else None for text in (first, last)]
    found = as_of_days(bounds[0], bounds[1], every=every, latest=TODAY, **more)
    return [day.isoformat() for day in found]


def test_by_default_the_ends_of_the_last_eight_quarters() -> None:
    found = days(None, None)
    assert len(found) == 8
    assert (found[0], found[-1]) == ("2024-09-30", "2026-06-30")


def test_both_bounds_are_included() -> None:
    assert days("2025-12-31", "2026-03-31") == ["2025-12-31", "2026-03-31"]
    assert days("2026-01-01", "2026-03-30", every="month") == ["2026-01-31", "2026-02-28"]


def test_quarters_are_those_of_the_fiscal_year() -> None:
    assert days("2026-01-01", "2026-05-31", fiscal_year_start_month=2) == [
        "2026-01-31",
        "2026-04-30",
    ]


def test_week_3_is_a_day_of_the_quarter() -> None:
    assert days("2026-01-01", "2026-07-21", every="week3") == [
        "2026-01-21",
        "2026-04-21",
        "2026-07-21",
    ]
    assert days("2026-03-01", "2026-05-30", every="week3", week3_day=60) == [
        "2026-03-01",
        "2026-05-30",
    ]


def test_a_day_the_warehouse_does_not_know_yet_is_refused() -> None:
    with pytest.raises(InputError, match="nothing is known of 2026-09-30"):
        days(None, "2026-09-30")


@pytest.mark.parametrize(
    ("every", "said"), [("quarter", "end of a quarter"), ("week3", "third week of a quarter")]
)
def test_a_span_without_any_day_is_refused(every: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        days("2026-02-01", "2026-02-27", every)
