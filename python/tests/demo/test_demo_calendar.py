"""The clocks: office hours, months, quarters and the pull to their end."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from reverse_funnel.demo.calendar import (
    OPENING_SECONDS,
    ClosingPull,
    Quarters,
    day_number,
    model_day,
    month_end_of,
    month_index,
    to_day,
    to_seconds,
)

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("opening", OPENING_SECONDS)
def test_everything_happens_in_office_hours_from_monday_to_friday(opening: float) -> None:
    times = np.sort(RNG.uniform(18_000, 21_000, 5000))
    seconds = to_seconds(times, np.full(5000, opening))
    assert (np.diff(seconds) >= 0).all()
    weekday = (seconds // 86_400 + 3) % 7
    assert weekday.max() == 4
    hour = (seconds % 86_400) / 3600
    assert hour.min() >= opening / 3600 - 0.01
    assert hour.max() <= opening / 3600 + 9.5
    assert np.abs(seconds / 86_400 - 4 - times).max() < 2.7


def test_a_calendar_day_starts_where_the_mapping_says() -> None:
    for day in range(day_number(date(2024, 1, 1)), day_number(date(2024, 1, 15))):
        start = model_day(day)
        assert to_day(start.reshape(1))[0] >= day
        assert to_day(start.reshape(1) - 1e-6)[0] < day


def test_quarters_follow_the_fiscal_year() -> None:
    days = np.array([day_number(date(2025, 1, 31)), day_number(date(2025, 2, 1))])
    ends = Quarters.of(2).end_of(days)
    assert ends.tolist() == [day_number(date(2025, 1, 31)), day_number(date(2025, 4, 30))]
    assert Quarters.of(1).end_of(days).tolist() == [day_number(date(2025, 3, 31))] * 2


def test_months_end_and_count() -> None:
    days = np.array([day_number(date(2024, 2, 1)), day_number(date(2024, 2, 29))])
    assert month_end_of(days).tolist() == [day_number(date(2024, 2, 29))] * 2
    assert month_index(days, date(2023, 12, 1)).tolist() == [2, 2]


def test_the_pull_crowds_the_end_of_the_quarter_but_not_the_far_future() -> None:
    quarters = Quarters.of(1)
    close = RNG.uniform(18_000, 21_000, 20_000)
    earliest = close - RNG.uniform(0, 60, 20_000)
    pull = ClosingPull(delayed=0.3, advanced=0.5, window=40.0)
    pulled = pull.apply(close, earliest, quarters, RNG.random(20_000), RNG.random(20_000))
    assert (pulled >= earliest).all()
    end = quarters.model[np.searchsorted(quarters.model, pulled, side="right")]
    before = quarters.model[np.searchsorted(quarters.model, close, side="right")]
    assert (end <= before).all()
    assert (end - pulled < 15).mean() > 1.8 * (before - close < 15).mean()
    assert abs((pulled - close).mean()) < 4
