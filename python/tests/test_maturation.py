"""Cohort maturation of the demo company: against its own opportunities, and against the truth."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pytest

from conftest import Warehouse

pytestmark = pytest.mark.dbt

OLDEST_AGE = 12


def quarter(day: date) -> int:
    """Quarters since the year 0; the demo's fiscal year is the calendar year."""
    return day.year * 4 + (day.month - 1) // 3


@pytest.mark.parametrize("measure", ["wins", "bookings"])
def test_triangles_tie_with_the_opportunities_mart(demo: Warehouse, measure: str) -> None:
    """Every cell of the company's and the segments' triangles, counted again deal by deal."""
    # the last quarter that has ended: that of the day before the current one began
    tomorrow = demo.value("select as_of_date from intermediate.int_as_of") + timedelta(days=1)
    last = quarter(tomorrow) - 1
    exposure: dict[tuple[str | None, int], float] = defaultdict(float)
    won: dict[tuple[str | None, int, int], float] = defaultdict(float)
    for segment, qualified_on, created_amount, closed_on, outcome, amount in demo.query(
        "select segment, qualified_at::date, amount_at_qualification, closed_on, outcome, amount "
        "from marts.opportunities where qualified_at is not null and outcome <> 'deleted'"
    ):
        cohort = quarter(qualified_on)
        for cell in (None, segment):
            exposure[cell, cohort] += 1 if measure == "wins" else float(created_amount)
            if outcome == "won":
                age = max(quarter(closed_on) - cohort, 0)
                won[cell, cohort, age] += 1 if measure == "wins" else float(amount or 0)
    expected = {
        (cell, cohort, age): (
            exposure[cell, cohort],
            sum(won[cell, cohort, earlier] for earlier in range(age + 1)),
            age == min(last - cohort, OLDEST_AGE),
        )
        for cell, cohort in exposure
        for age in range(min(last - cohort, OLDEST_AGE) + 1)
    }
    found = {
        (segment, int(name[2:6]) * 4 + int(name[-1]) - 1, age): (exposed, cumulative, is_latest)
        for segment, name, age, exposed, cumulative, is_latest in demo.query(
            "select segment, cohort_quarter, age_quarters, exposure, cumulative, is_latest "
            f"from marts.cohort_maturation where measure = '{measure}' "
            "and cell_level in ('company', 'segment')"
        )
    }
    assert found.keys() == expected.keys()
    assert len(found) > 500
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, rel=1e-9), key


def test_half_matured_cohorts_are_expected_to_win_what_they_truly_will(demo: Warehouse) -> None:
    """Nearer to the simulator's rate than what was won to date, and than the chain ladder.

    A cohort of a cell has some forty opportunities, so that chance alone puts it seven points off
    its rate: no estimate can be expected to come much nearer.
    """
    won: dict[tuple[str, str], float] = defaultdict(float)
    weight: dict[tuple[str, str], float] = defaultdict(float)
    for cell in demo.truth()["cells"]:
        rates = cell["rates"]
        share = (
            cell["share_of_creation"] * rates["0_to_1"]["ultimate"] * rates["1_to_2"]["ultimate"]
        )
        key = cell["segment"], cell["deal_type"]
        won[key] += share * rates["2_to_won"]["ultimate"]
        weight[key] += share
    cohorts = demo.query(
        "select segment, deal_type, rate_to_date, ultimate_bf / exposure, "
        "coalesce(ultimate_chain_ladder, 0) / exposure from marts.cohort_maturation "
        "where is_latest and cell_level = 'segment_deal_type' and measure = 'wins' "
        "and developed_share between 0.2 and 0.9"
    )
    assert len(cohorts) > len(won)
    misses = np.array(
        [
            [abs(rate - won[segment, deal_type] / weight[segment, deal_type]) for rate in rates]
            for segment, deal_type, *rates in cohorts
        ]
    )
    to_date, expected, chain_ladder = misses.mean(axis=0)
    assert expected < 0.6 * to_date
    assert expected < 0.8 * chain_ladder
    assert np.mean(misses[:, 1] < misses[:, 0]) > 0.8


def test_an_old_cohort_is_what_it_has_won(demo: Warehouse) -> None:
    rows = demo.query(
        "select cumulative, ultimate_bf, ultimate_cape_cod, ultimate_benktander, mack_std_error "
        f"from marts.cohort_maturation where age_quarters = {OLDEST_AGE} and cumulative > 0"
    )
    assert len(rows) > 100
    for cumulative, *ultimates, std_error in rows:
        assert ultimates == pytest.approx([cumulative] * 3)
        assert std_error == 0
