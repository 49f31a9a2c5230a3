"""Finance's headcount and costs: those of the simulated company, and the ones that are committed."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from reverse_funnel.demo import DemoConfig, people, write_costs, write_headcount
from reverse_funnel.demo.calendar import to_day
from reverse_funnel.demo.config import PIPELINE_SOURCES, SEGMENTS
from reverse_funnel.demo.finance import (
    COST_PER_OPPORTUNITY,
    cost_months,
    cost_rows,
    expected_qualified,
    headcount_rows,
)
from reverse_funnel.demo.simulation import build_setting, simulate

SEEDS = Path(__file__).resolve().parents[3] / "seeds"


@pytest.mark.parametrize(
    ("name", "write"), [("headcount", write_headcount), ("costs", write_costs)]
)
def test_the_committed_seeds_are_those_of_the_demo_company(
    tmp_path: Path, name: str, write: object
) -> None:
    assert callable(write)
    write(tmp_path / "finance" / "seed.csv", DemoConfig())
    written = (tmp_path / "finance" / "seed.csv").read_bytes()
    assert written == (SEEDS / "finance" / f"{name}.csv").read_bytes()


def test_everybody_who_sells_is_on_the_list() -> None:
    config = DemoConfig(opportunities=5000, seed=3)
    users = build_setting(config).organisation.users
    rows = headcount_rows(config)
    for kind, role in ((people.AE, "ae"), (people.SDR, "sdr")):
        mine = [row for row in rows if row[0] == role]
        assert sum(row[3] for row in mine) == (users.kind == kind).sum()
        still_there = (users.kind == kind) & np.isinf(users.end)
        assert sum(row[3] for row in mine if not row[5]) == still_there.sum() > 0
    assert all(row[4] < row[5] for row in rows if row[5])
    assert {row[1] for row in rows} == {*SEGMENTS, ""}


def test_pipeline_costs_what_its_opportunities_cost() -> None:
    config = DemoConfig(opportunities=20_000)
    rows, qualified = cost_rows(config), expected_qualified(config)
    for number, source in enumerate(PIPELINE_SOURCES):
        spent = sum(row[4] for row in rows if row[2] == source)
        each = spent / qualified[:, :, number].sum()
        dearer = 1.02 if source == "marketing" else 0.99
        assert dearer < each / COST_PER_OPPORTUNITY[number] < dearer + 0.09


def test_every_month_is_in_the_books_up_to_the_last() -> None:
    config = DemoConfig(fiscal_year_start_month=2, as_of=date(2026, 3, 15))
    months = cost_months(config)
    assert (months[0], months[-1]) == (date(2025, 2, 1), date(2026, 3, 1))
    rows = cost_rows(config)
    for month in months:
        booked = [row for row in rows if row[0] == month.isoformat()]
        assert {row[2] for row in booked if row[1] == "pipeline_generation"} == {*PIPELINE_SOURCES}
        assert [row[1] for row in booked].count("sales") == len(SEGMENTS)
        assert [row[1] for row in booked].count("overhead") == 1
    assert len({row[:4] for row in rows}) == len(rows)


def test_a_company_younger_than_the_books_has_costs_from_its_first_month_on() -> None:
    config = DemoConfig(opportunities=200, first_month=date(2026, 5, 1))
    assert {row[0] for row in cost_rows(config)} == {f"2026-{month:02}-01" for month in range(5, 9)}


def test_as_many_qualify_as_costs_are_made_for() -> None:
    config = DemoConfig(opportunities=30_000, seed=5)
    deals = next(simulate(build_setting(config))).deals
    reached = deals.lives.qualified
    ok = np.isfinite(reached) & ~deals.recorded.deleted
    days = to_day(np.where(ok, reached, 0.0))[ok]
    last = np.datetime64(config.as_of).astype("datetime64[D]").astype(int)
    first = np.datetime64(cost_months(config)[0]).astype("datetime64[D]").astype(int)
    found = ((days >= first) & (days <= last)).sum()
    assert found == pytest.approx(expected_qualified(config).sum(), rel=0.06)


def test_the_file_is_one_that_the_seed_can_read(tmp_path: Path) -> None:
    write_costs(tmp_path / "costs.csv", DemoConfig(opportunities=500))
    with (tmp_path / "costs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {row["category"] for row in rows} == {"pipeline_generation", "sales", "overhead"}
    assert all(bool(row["pipeline_source"]) == (row["category"][0] == "p") for row in rows)
