"""A back-test of a small company from the command line to the scores."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Warehouse, comparable
from test_as_of import DAY, ROLL_BACK

pytestmark = pytest.mark.dbt

DAYS = ("--from", "2025-12-01", "--to", DAY)
EARLIER = "2025-12-31"
QUARTER = "FY2026-Q2"


def store(warehouse: Warehouse) -> Path:
    return ROOT / warehouse.seeds / "backtests" / "backtest_forecasts.csv"


def recorded(warehouse: Warehouse) -> list[dict[str, str]]:
    with store(warehouse).open() as lines:
        return list(csv.DictReader(lines))


def schemas(warehouse: Warehouse) -> set[str]:
    found = warehouse.query("select distinct table_schema from information_schema.tables")
    return {schema for (schema,) in found}


@pytest.fixture(scope="module")
def tested(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Back-test two quarters of a company, and score them."""
    warehouse = Warehouse(tmp_path_factory.mktemp("accuracy"))
    warehouse.own_seeds()
    shutil.copy(demo.path, warehouse.path)
    said = warehouse.run("reverse-funnel", "backtest", *DAYS).stdout.splitlines()
    assert [line[:10] for line in said] == [EARLIER, DAY]
    assert all(line.endswith("recorded as vintage 1") for line in said)
    selected = ("--select", "+int_accuracy__actuals", "backtest_forecasts+")
    warehouse.dbt("build", *selected, "--exclude-resource-type", "unit_test")
    return warehouse


def test_every_measure_is_forecast_by_every_method_that_can(tested: Warehouse) -> None:
    found = {(row["measure"], row["method"]) for row in recorded(tested)}
    named = tested.query("select measure, method from seeds.forecast_methods")
    # without any plan there is nothing to go as planned
    assert set(named) - found == {("bookings", "outlook_as_planned")}


def test_a_back_test_leaves_nothing_behind(demo: Warehouse, tested: Warehouse) -> None:
    assert schemas(tested) == schemas(demo)
    query = "select * from marts.pipeline_coverage"
    assert comparable(tested.query(query)) == comparable(demo.query(query))


def test_the_score_is_of_the_forecast_recorded_and_of_what_came(tested: Warehouse) -> None:
    [row] = [
        row
        for row in recorded(tested)
        if (row["as_of_date"], row["measure"], row["method"], row["fiscal_quarter"])
        == (DAY, "bookings", "outlook", QUARTER)
        and row["segment"] == "smb"
    ]
    came = tested.value(
        "select sum(amount) from marts.opportunities where outcome = 'won' and segment = 'smb' "
        "and closed_on between date '2026-04-01' and date '2026-06-30'"
    )
    scored = tested.query(
        "select forecast, actual, error, absolute_error, interval_hit, horizon_days, horizon_weeks "
        f"from marts.forecast_accuracy where as_of_date = date '{DAY}' and measure = 'bookings' "
        f"and method = 'outlook' and fiscal_quarter = '{QUARTER}' and segment = 'smb'"
    )
    forecast = Decimal(row["forecast"])
    held = Decimal(row["p10"]) <= came <= Decimal(row["p90"])
    error = forecast - came
    assert scored == [(forecast, came, error, abs(error), held, 91, 13)]


def of_the_rules(tested: Warehouse, quarter: str = QUARTER) -> dict[str, Decimal]:
    return {
        f"{row['measure']} {row['method']}": Decimal(row["forecast"])
        for row in recorded(tested)
        if (row["as_of_date"], row["fiscal_quarter"], row["cell_level"])
        == (DAY, quarter, "company")
    }


def test_rules_of_thumb_are_what_anybody_would_compute(tested: Warehouse) -> None:
    """From the history as the CRM recorded it, without the project's models."""
    deals = tested.query(
        """
        select h.stage_name, h.amount::double * crm.corporate_rate::double, h.close_date
        from (
            select opportunity_id, unnest(max_by(h, (created_date, id)))
            from salesforce.opportunity_history as h
            where created_date < timestamp '2026-04-01' group by opportunity_id
        ) as h
        inner join salesforce.opportunity as o on h.opportunity_id = o.id
        inner join crm.crm_opportunities as crm on o.id = crm.opportunity_id
        where h.close_date between date '2026-04-01' and date '2026-06-30'
            and not (o.is_deleted and o.last_modified_date < timestamp '2026-04-01')
        """
    )
    chances = {
        "Qualified": 0.2,
        "Evaluation": 0.4,
        "Technical Fit": 0.4,
        "Proposal": 0.6,
        "Negotiation": 0.8,
    }
    open_deals = [(stage, float(amount or 0)) for stage, amount, _ in deals if stage in chances]
    pipeline = sum(amount for _, amount in open_deals)
    rules = of_the_rules(tested)
    assert float(rules["starting_pipeline dated_today"]) == pytest.approx(pipeline, rel=1e-6)
    assert float(rules["bookings three_times"]) == pytest.approx(pipeline / 3, rel=1e-6)
    weighted = sum(amount * chances[stage] for stage, amount in open_deals)
    assert float(rules["bookings crm_weighted"]) == pytest.approx(weighted, rel=1e-6)
    closed = tested.query(
        "select count(*) filter (outcome = 'won'), count(*) from marts.opportunities "
        "where outcome in ('won', 'lost') and qualified_at is not null "
        "and closed_on between date '2025-01-01' and date '2026-03-31'"
    )[0]
    by_rate = pipeline * closed[0] / closed[1]
    assert float(rules["bookings one_over_win_rate"]) == pytest.approx(by_rate, rel=0.02)
    last_year = tested.value(
        "select sum(amount)::double from marts.opportunities where outcome = 'won' "
        "and closed_on between date '2025-04-01' and date '2025-06-30'"
    )
    assert float(rules["bookings last_year"]) == pytest.approx(last_year, rel=0.02)


def test_what_is_not_over_yet_has_no_score(tested: Warehouse) -> None:
    query = (
        "select distinct fiscal_quarter, actual is null, error is null, interval_hit is null "
        "from marts.forecast_accuracy where measure = 'bookings' and method = 'outlook' order by 1"
    )
    assert tested.query(query) == [
        ("FY2026-Q1", False, False, False),
        ("FY2026-Q2", False, False, False),
        ("FY2026-Q3", True, True, True),
        ("FY2026-Q4", True, True, True),
        ("FY2027-Q1", True, True, True),
    ]


def test_the_summary_is_what_a_loop_over_the_scores_gives(tested: Warehouse) -> None:
    rows = tested.query(
        "select forecast, actual, p10, p50, p90 from marts.forecast_accuracy "
        "where measure = 'bookings' and method = 'outlook' and segment = 'enterprise' "
        "and horizon_weeks = 13 and actual is not null"
    )
    assert len(rows) == 2

    def pinball(row: tuple[Any, ...]) -> float:
        actual = float(row[1])
        pairs = zip((0.1, 0.5, 0.9), map(float, row[2:]), strict=True)
        return sum(max(q * (actual - x), (q - 1) * (actual - x)) for q, x in pairs) / 3

    came = sum(float(row[1]) for row in rows)
    errors = [float(row[0] - row[1]) for row in rows]
    expected = [
        sum(map(abs, errors)) / came,
        sum(errors) / came,
        sum(map(pinball, rows)) / 2,
        sum(row[2] <= row[1] <= row[4] for row in rows),
    ]
    found = tested.query(
        "select wape, bias, pinball_loss, interval_hit_count from marts.forecast_accuracy_summary "
        "where measure = 'bookings' and method = 'outlook' and segment = 'enterprise' "
        "and horizon_weeks = 13"
    )[0]
    assert found == pytest.approx(expected, abs=0.01)


@pytest.fixture
def copy_of(
    tested: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Warehouse]:
    def copied(name: str) -> Warehouse:
        warehouse = Warehouse(tmp_path_factory.mktemp(name))
        warehouse.own_seeds()
        shutil.copy(tested.path, warehouse.path)
        shutil.copy(store(tested), store(warehouse))
        return warehouse

    return copied


def test_appending_what_is_recorded_changes_nothing(copy_of: Callable[[str], Warehouse]) -> None:
    again = copy_of("again")
    before = store(again).read_bytes()
    said = again.run("reverse-funnel", "backtest", *DAYS, "--append").stdout
    assert said.count("recorded already") == 2
    assert store(again).read_bytes() == before


def test_a_forecast_does_not_know_what_came_later(copy_of: Callable[[str], Warehouse]) -> None:
    """Made again, with the CRM as it stood on the last day, they are the same to the cent."""
    then = copy_of("no_leak")
    before = store(then).read_bytes()
    with then.connect() as connection:
        connection.execute(ROLL_BACK)
    said = then.run("reverse-funnel", "backtest", *DAYS).stdout
    assert said.count("forecasts, unchanged") == 2
    assert store(then).read_bytes() == before


def test_a_day_before_there_was_anything_is_no_fault(copy_of: Callable[[str], Warehouse]) -> None:
    early = copy_of("early")
    before = store(early).read_bytes()
    done = early.run("reverse-funnel", "backtest", "--from", "2015-12-31", "--to", "2015-12-31")
    assert done.stdout == "2015-12-31: nothing to forecast yet\n"
    assert store(early).read_bytes() == before
    assert date.fromisoformat(recorded(early)[0]["as_of_date"]) == date.fromisoformat(EARLIER)
