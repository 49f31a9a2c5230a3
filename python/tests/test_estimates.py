"""The curves in SQL against an independent implementation, and against the simulator's truth."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from conftest import Warehouse

pytestmark = pytest.mark.dbt

Spell = tuple[date, date, int]


def cumulative_incidence(
    spells: list[Spell], starts_on: date, ends_before: date
) -> dict[int, tuple[float, float]]:
    """Aalen-Johansen by the book: age -> (number at risk, incidence of cause 1 up to it).

    Written spell by spell, with sets of the people at risk at every age, so that it shares
    nothing with the running sums of the SQL.
    """
    last_day = ends_before - timedelta(days=1)
    seen = []
    for entered_on, left_on, cause in spells:
        if entered_on > last_day or left_on < starts_on:
            continue
        leaves = min(left_on, last_day)
        seen.append(
            (
                max((starts_on - entered_on).days, 0),
                (leaves - entered_on).days,
                cause if left_on <= last_day else 0,
            )
        )
    entry, leaving, cause = (np.array(column) for column in zip(*seen, strict=True))
    surviving, incidence, curve = 1.0, 0.0, {}
    for age in sorted(set(entry) | set(leaving)):
        at_risk = float(np.sum((entry <= age) & (leaving >= age)))
        here = leaving == age
        won, ended = float(np.sum(here & (cause == 1))), float(np.sum(here & (cause > 0)))
        if at_risk:
            incidence += surviving * won / at_risk
            surviving *= 1 - ended / at_risk
        curve[int(age)] = (at_risk, incidence)
    return curve


@pytest.mark.parametrize("window", ["lookback", "prior_year", "all_time"])
def test_curves_equal_an_independent_implementation(demo: Warehouse, window: str) -> None:
    starts_on, ends_before = demo.query(
        "select starts_on, ends_before from intermediate.int_estimates__windows "
        f"where estimation_window = '{window}'"
    )[0]
    groups: dict[tuple[Any, ...], list[Spell]] = defaultdict(list)
    for segment, source, from_stage, to_stage, *spell in demo.query(
        "select segment, pipeline_source, from_stage, to_stage, entered_on, left_on, cause "
        "from intermediate.int_estimates__spells join intermediate.int_cells using (cell_key)"
    ):
        groups["company", from_stage, to_stage].append(tuple(spell))
        groups["pipeline_source", source, from_stage, to_stage].append(tuple(spell))
        if from_stage >= 0:
            groups["segment", segment, from_stage, to_stage].append(tuple(spell))
    in_sql: dict[tuple[Any, ...], dict[int, tuple[float, float]]] = defaultdict(dict)
    for level, segment, source, from_stage, to_stage, age, at_risk, incidence in demo.query(
        "select cell_level, segment, pipeline_source, from_stage, to_stage, age_days, "
        "at_risk_count, cumulative_incidence from intermediate.int_estimates__curves "
        "where cell_level in ('company', 'segment', 'pipeline_source') "
        f"and estimation_window = '{window}'"
    ):
        name = {"company": (), "segment": (segment,), "pipeline_source": (source,)}[level]
        in_sql[(level, *name, from_stage, to_stage)][age] = (at_risk, incidence)
    compared = 0
    # Leads past the horizon before a window opens are left out of it: no rate looks that far.
    oldest = starts_on - timedelta(days=365)
    for key, known in groups.items():
        is_lead = key[-2] < 0
        spells = [spell for spell in known if spell[0] >= oldest] if is_lead else known
        expected = cumulative_incidence(spells, starts_on, ends_before) if spells else {}
        assert in_sql[key].keys() == expected.keys(), key
        for age, (at_risk, incidence) in expected.items():
            assert in_sql[key][age][0] == at_risk, (key, age)
            assert in_sql[key][age][1] == pytest.approx(incidence, abs=1e-9), (key, age)
            compared += 1
    assert compared > 5000


def test_cumulative_incidences_are_shares_that_never_fall(demo: Warehouse) -> None:
    assert demo.query(
        "select count(*) from (select cumulative_incidence, "
        "lag(cumulative_incidence) over (partition by estimation_window, from_stage, to_stage, "
        "cell_level, segment, deal_type, territory, pipeline_source, custom_dimension "
        "order by age_days) as before from intermediate.int_estimates__curves) "
        "where cumulative_incidence < before - 1e-12 or cumulative_incidence not between 0 and 1 + 1e-12"
    ) == [(0,)]


def test_the_source_mix_of_a_goal_cell_sums_to_one(demo: Warehouse) -> None:
    totals = demo.query(
        "select sum(value) from marts.assumptions where parameter = 'source_mix' "
        "group by segment, deal_type, territory"
    )
    assert totals
    assert [total for (total,) in totals] == pytest.approx([1.0] * len(totals))


def test_every_assumption_says_where_it_comes_from(demo: Warehouse) -> None:
    assert demo.query(
        "select count(*) from marts.assumptions where value is null or n is null or method is null "
        "or estimation_window is null or source_level is null"
    ) == [(0,)]


def test_amount_times_wins_is_what_was_won(demo: Warehouse) -> None:
    """Mean amount times count over the whole history gives back the bookings to the cent."""
    estimated, booked = demo.query(
        "select (select won_amount * won_count from intermediate.int_estimates__amounts "
        "where cell_level = 'company' and estimation_window = 'all_time'), "
        "(select sum(amount) from marts.opportunities where outcome = 'won')"
    )[0]
    assert estimated == pytest.approx(float(booked), rel=1e-9)


def test_win_rates_recover_the_simulator_s_truth(demo: Warehouse) -> None:
    """Within four standard errors in every segment and deal type, and within two on the whole.

    Open, young and never-closed deals are all in it: counting wins over everything created would
    miss by far more than this.
    """
    won: dict[tuple[str, str], float] = defaultdict(float)
    weight: dict[tuple[str, str], float] = defaultdict(float)
    for cell in demo.truth()["cells"]:
        rates = cell["rates"]
        share = (
            cell["share_of_creation"] * rates["0_to_1"]["ultimate"] * rates["1_to_2"]["ultimate"]
        )
        key = cell["segment"], cell["deal_type"]
        won[key] += share * rates["2_to_won"]["within_365_days"]
        weight[key] += share
    deviations = [
        (rate - won[segment, deal_type] / weight[segment, deal_type]) / std_error
        for segment, deal_type, rate, std_error in demo.query(
            "select segment, deal_type, rate, std_error from intermediate.int_estimates__rates "
            "where estimation_window = 'all_time' and cell_level = 'segment_deal_type' "
            "and from_stage = 2 and to_stage = 90"
        )
    ]
    assert len(deviations) == len(won)
    assert max(abs(z) for z in deviations) < 4
    assert np.sqrt(np.mean(np.square(deviations))) < 2
