"""Worked example X-12: what one lever alone would have to do to reach a goal."""

from __future__ import annotations

from datetime import date

import pytest

from compiled import CompiledModels

pytestmark = pytest.mark.dbt


def test_the_four_levers_of_the_published_lesson(compiled: CompiledModels) -> None:
    """24 of 96 decided deals won at 28,500 in 74 days; 800,000 are wanted."""
    with compiled().lab() as lab:
        lab.table("int_as_of", rows=[{"as_of_date": date(2026, 6, 30)}])
        lab.table(
            "int_calendar",
            rows=[{"date_day": date(2026, 6, 30), "fiscal_month": date(2026, 6, 1)}],
        )
        lab.table(
            "int_goals",
            rows=[
                {"fiscal_month": date(2026, 6, 1), "bookings_goal": 9_999},  # is already running
                {"fiscal_month": date(2026, 7, 1), "bookings_goal": 300_000},
                {"fiscal_month": date(2027, 6, 1), "bookings_goal": 500_000},
                {"fiscal_month": date(2027, 7, 1), "bookings_goal": 9_999},  # a year and more away
            ],
        )
        lab.table(
            "sales_velocity",
            rows=[
                {
                    "period_kind": kind,
                    "cell_level": level,
                    "won_count": 24,
                    "lost_count": 72,
                    "win_rate": 0.25,
                    "average_amount": 28_500,
                    "cycle_days": 74,
                }
                for kind, level in (
                    ("trailing_year", "company"),
                    ("quarter", "company"),
                    ("trailing_year", "segment"),
                )
            ],
        )
        lab.run("what_you_need_to_believe")
        found = lab.query(
            "select wins_needed, decided_needed, win_rate_needed, amount_needed, cycle_days_needed "
            f"from {lab.sql.relations['what_you_need_to_believe'].schema}.what_you_need_to_believe"
        )
    assert len(found) == 1
    wins, decided, win_rate, amount, days = found[0]
    assert wins == pytest.approx(28.07, abs=0.005)
    assert round(decided) == 112
    assert win_rate == pytest.approx(0.292, abs=0.0005)
    assert round(amount) == 33_333
    assert round(days) == 63
