"""What stands already on a plan's months."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from plan_builders import SMB, assumptions_from
from reverse_funnel.plan.model import Goals
from reverse_funnel.plan.months import month_of
from reverse_funnel.plan.standing import (
    Bookings,
    Created,
    StandingBook,
    lay_out,
    make_timeline,
    read_standing,
)

START = month_of(date(2026, 1, 1))
GOALS = Goals(cells=(SMB.goal_cell,), first_month=START, amount=np.full((1, 12), 1.0))


def test_the_day_after_the_as_of_date_is_the_first_that_is_free() -> None:
    for day, first, elapsed in (
        (date(2025, 12, 31), 0, 0.0),
        (date(2025, 11, 15), 0, 0.0),
        (date(2026, 2, 28), 2, 0.0),
        (date(2026, 3, 10), 2, 10 / 31),
    ):
        timeline = make_timeline(GOALS, 12, day, 1)
        assert (timeline.first_free, timeline.elapsed) == (first, pytest.approx(elapsed))


def test_quarters_are_fiscal() -> None:
    timeline = make_timeline(GOALS, 8, date(2025, 12, 31), fiscal_year_start_month=2)
    assert timeline.period.tolist() == [0, 1, 1, 1, 2, 2, 2, 3]
    assert timeline.seasons.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


def test_creation_between_today_and_the_plan_goes_on_as_it_has() -> None:
    # Twelve a month for a year; of each one 10 is booked two months later.
    company = assumptions_from(goal_index=[0], mix=[1], win_rate=[0.5], won_amount=[20], lag=[2])
    (cell,) = company.cells
    goals = Goals(cells=(cell.goal_cell,), first_month=START, amount=np.full((1, 12), 1.0))
    today = date(2025, 11, 15)
    created = {(cell, START - 2 - back): Created(12.0, 0.0) for back in range(1, 13)}
    book = StandingBook(bookings={(cell.goal_cell, START): Bookings(3.0, 4.0)}, created=created)
    stands = lay_out(book, company, make_timeline(goals, 12, today, 1), today)
    # The second half of November, and December.
    expected = [7 + 12 * 10 / 2, 12 * 10, *[0.0] * 10]
    np.testing.assert_allclose(stands.bookings[0], expected)
    assert stands.booked[0, 0] == 3.0
    assert not stands.created.any()


def test_creation_between_today_and_the_plan_grows_as_its_segment_does() -> None:
    company = assumptions_from(goal_index=[0], mix=[1], win_rate=[0.5], won_amount=[20], lag=[2])
    (cell,) = company.cells
    goals = Goals(cells=(cell.goal_cell,), first_month=START, amount=np.full((1, 12), 1.0))
    today = date(2025, 10, 31)
    created = {(cell, START - 2 - back): Created(12.0, 0.0) for back in range(1, 13)}
    growth = {(cell.segment, START - 2): 1.5, ("*", START - 1): 9.0, ("other", START - 1): 9.0}
    book = StandingBook(created=created, growth=growth)
    stands = lay_out(book, company, make_timeline(goals, 12, today, 1), today)
    # November's half more, and in December, of which nothing is known, as much; 10 each.
    np.testing.assert_allclose(stands.bookings[0], [180, 180, *[0.0] * 10])

    # A segment without a growth of its own has the company's, and without one there is none.
    shared = replace(book, growth={("*", START - 2): 1.25, ("*", START - 1): 1.5})
    stands = lay_out(shared, company, make_timeline(goals, 12, today, 1), today)
    np.testing.assert_allclose(stands.bookings[0], [150, 180, *[0.0] * 10])
    stands = lay_out(
        StandingBook(created=created), company, make_timeline(goals, 12, today, 1), today
    )
    np.testing.assert_allclose(stands.bookings[0], [120, 120, *[0.0] * 10])


def test_rows_are_read_by_what_they_say() -> None:
    rows = {
        "int_outlook__standing": [
            {
                **SMB.goal_cell._asdict(),
                "fiscal_month": "2026-02-01",
                "booked_amount": None,
                "open_expected_amount": 12.346,
            }
        ],
        "int_outlook__created": [
            {
                **SMB._asdict(),
                "fiscal_month": date(2026, 1, 1),
                "created_count": 3,
                "created_amount": 9,
            }
        ],
        "int_outlook__creation_paths": [
            {"segment": "*", "fiscal_month": "2026-01-01", "growth_factor": 1.25}
        ],
    }
    book = read_standing(
        lambda sql: next((found for name, found in rows.items() if f"'{name}'" in sql), [])
    )
    assert book.bookings == {(SMB.goal_cell, START + 1): Bookings(0.0, 12.35)}
    assert book.created == {(SMB, START): Created(3.0, 9.0)}
    assert book.growth == {("*", START): 1.25}
    assert ["growth", "*", str(START), "1.25000000"] in book.terms()
    assert not book.risk
