"""Finance's goals: complete, additive, demanding, and the same every time."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from reverse_funnel.demo import DemoConfig, write_bookings_goals
from reverse_funnel.demo.calendar import month_index, to_day
from reverse_funnel.demo.config import DEAL_TYPES, SEGMENTS, TERRITORIES, WON
from reverse_funnel.demo.goals import bookings_goals, expected_bookings, goal_months, stretch
from reverse_funnel.demo.simulation import build_setting, simulate

HEADER = (
    "fiscal_month,segment,deal_type,territory,bookings_goal,currency,version,approved_at,"
    "approved_by"
)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_file_has_every_cell_of_two_fiscal_years(tmp_path: Path) -> None:
    path = tmp_path / "finance" / "bookings_goals.csv"
    write_bookings_goals(path, DemoConfig())
    assert path.read_text(encoding="utf-8").splitlines()[0] == HEADER
    rows = read(path)
    keys = {(r["fiscal_month"], r["segment"], r["deal_type"], r["territory"]) for r in rows}
    months = [f"{year}-{month:02}-01" for year in (2026, 2027) for month in range(1, 13)]
    assert keys == {
        (month, segment, deal_type, territory)
        for month in months
        for segment in SEGMENTS
        for deal_type in DEAL_TYPES
        for territory in TERRITORIES
    }
    assert len(rows) == len(keys)
    assert {r["version"] for r in rows} == {"FY2026-board"}
    assert {r["currency"] for r in rows} == {"USD"}
    assert {r["approved_by"] for r in rows} == {"cfo"}
    assert {date.fromisoformat(r["approved_at"]) for r in rows} == {date(2025, 12, 11)}
    assert all(int(r["bookings_goal"]) % 1000 == 0 for r in rows)


def test_the_cells_of_a_month_add_up_to_its_rounded_whole() -> None:
    config = DemoConfig(opportunities=5000)
    goals = bookings_goals(config)
    exact = (expected_bookings(config) * stretch()).sum(axis=(1, 2, 3))
    np.testing.assert_array_equal(goals.sum(axis=(1, 2, 3)), np.round(exact / 1000) * 1000)
    assert (goals >= 0).all()


def test_goals_are_the_same_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    write_bookings_goals(first, DemoConfig(seed=1))
    write_bookings_goals(second, DemoConfig(seed=2))
    assert first.read_bytes() == second.read_bytes()


def test_a_fiscal_year_may_start_in_february() -> None:
    months = goal_months(DemoConfig(fiscal_year_start_month=2, as_of=date(2026, 1, 15)))
    assert months[0] == date(2025, 2, 1)
    assert months[-1] == date(2027, 1, 1)


def test_goals_ask_for_more_than_is_to_be_expected_and_most_in_closing_months() -> None:
    config = DemoConfig(opportunities=50_000)
    expected, goals = expected_bookings(config), bookings_goals(config)
    assert 1.05 < goals.sum() / expected.sum() < 1.15
    by_month = expected.sum(axis=(1, 2, 3)).reshape(8, 3)
    assert (by_month[:, 2] > 1.5 * by_month[:, 0]).all()
    assert 1.1 < by_month[4:].sum() / by_month[:4].sum() < 1.3
    by_cell = goals.sum(axis=0) / expected.sum(axis=0)
    assert by_cell.max() - by_cell.min() > 0.1


def test_goals_scale_with_the_company() -> None:
    small, large = DemoConfig(opportunities=10_000), DemoConfig(opportunities=40_000)
    np.testing.assert_allclose(expected_bookings(large), 4 * expected_bookings(small))


def test_the_expectation_is_what_the_simulator_books() -> None:
    """Each won deal counts with the mean of its cell, which leaves only the noise of counts."""
    config = DemoConfig(opportunities=45_000, seed=5)
    setting = build_setting(config)
    deals = next(simulate(setting)).deals
    won = np.flatnonzero((deals.lives.outcome == WON) & ~deals.recorded.deleted)
    amount = setting.company.won_amount.ravel()[deals.cell[won]]
    month = month_index(to_day(deals.lives.closed[won]), date(2026, 1, 1))
    expected = expected_bookings(config).sum(axis=(1, 2, 3))
    for first in range(0, 8, 2):
        here = amount[(month >= first) & (month < first + 2)]
        booked = expected[first : first + 2].sum()
        assert abs(here.sum() - booked) < 4 * np.sqrt((here**2).sum()), first
    here = amount[(month >= 0) & (month < 8)]
    assert here.sum() == pytest.approx(expected[:8].sum(), rel=0.15)
