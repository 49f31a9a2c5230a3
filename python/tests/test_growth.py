"""The growth of creation: by hand, under changes that must not matter, and where it is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from compiled import CompiledModels, CompiledSql
from conftest import Warehouse
from growth_lab import (
    HISTORY,
    SEGMENTS,
    Forecast,
    created,
    forecast,
    give,
    load,
    read,
    steady,
)

pytestmark = pytest.mark.dbt

COMPANIES = 16
"""Drawn for each true growth."""


@pytest.fixture(scope="module")
def sql(compiled: CompiledModels) -> CompiledSql:
    return compiled()


def evenly(sql: CompiledSql, per_month: NDArray[np.int64]) -> Forecast:
    """Return the forecast of a company that creates exactly so many a month in each segment."""
    counts = np.repeat(per_month[:, np.newaxis], len(SEGMENTS), axis=1)
    return forecast(sql, counts, np.random.default_rng(1))


def test_a_company_that_creates_the_same_every_month_does_not_grow(sql: CompiledSql) -> None:
    found = evenly(sql, np.full(HISTORY, 50))
    assert abs(found.growth["growth"] or 0) < 0.01
    np.testing.assert_allclose(found.count, 50, rtol=0.02)


def test_one_that_doubles_every_year_is_seen_to(sql: CompiledSql) -> None:
    per_month = np.round(100 * 2 ** (np.arange(HISTORY) / 12 - 4)).astype(np.int64)
    found = evenly(sql, per_month)
    assert found.growth["growth"] == pytest.approx(np.log(2), abs=0.03)
    # What comes next month is a month further, and a year ahead growth has lost a tenth.
    assert found.count[0].sum() == pytest.approx(3 * 100 * 2 ** (12 / 12), rel=0.05)
    assert found.count[11].sum() == pytest.approx(3 * 100 * 2 ** (1 + 11 / 12), rel=0.12)
    assert found.count[11].sum() < 3 * 100 * 2 ** (1 + 11 / 12)


def test_growth_that_stopped_half_a_year_ago_is_not_carried_on(sql: CompiledSql) -> None:
    months = np.minimum(np.arange(HISTORY), HISTORY - 13)
    found = evenly(sql, np.round(40 * 1.5 ** (months / 12)).astype(np.int64))
    assert (found.growth["year_growth"] or 0) > 0.15
    assert abs(found.growth["growth"] or 0) < 0.02


def test_one_younger_than_two_years_goes_on_at_its_rate(sql: CompiledSql) -> None:
    per_month = np.zeros(HISTORY, dtype=np.int64)
    per_month[-23:] = 10 + np.arange(23)
    found = evenly(sql, per_month)
    assert found.growth == {
        "growth": 0.0,
        "year_growth": None,
        "half_growth": None,
        "growth_std": pytest.approx(np.hypot(0.2, 0.1)),
    }
    np.testing.assert_array_equal(found.count, found.ungrown)


def test_ten_times_as_many_grow_as_fast_and_are_surer(sql: CompiledSql) -> None:
    rng = np.random.default_rng(2)
    counts = created(rng, steady(0.3), 30)
    small, large = (forecast(sql, counts * factor, rng) for factor in (1, 10))
    years = [np.log(f.ungrown.sum()) for f in (small, large)]
    assert years[1] - years[0] == pytest.approx(np.log(10), abs=1e-6)
    # The same growth, but for the days in a month, drawn less towards none.
    assert large.growth["half_growth"] == pytest.approx(small.growth["half_growth"], abs=0.1)
    assert (large.growth["year_growth"] or 0) > (small.growth["year_growth"] or 0) > 0
    assert (large.growth["growth_std"] or 0) < (small.growth["growth_std"] or 0)


def test_the_day_it_is_looked_at_shifts_with_the_history(sql: CompiledSql) -> None:
    """Four years later, days and all, everything is the same: as of a day only the past counts."""
    rng = np.random.default_rng(3)
    counts = created(rng, steady(0.2), 40)[:HISTORY]
    found = []
    for years in (0, 4):
        draw = np.random.default_rng(4)
        with sql.lab() as lab:
            load(lab, counts, draw)
            if years:
                rows = lab.arrays(
                    "select qualified_at, segment from intermediate.int_opportunities__qualified "
                    "inner join intermediate.int_opportunities__attributed using (opportunity_key)"
                )
                on = rows["qualified_at"].astype("datetime64[D]") + 1461
                later = np.array([np.datetime64("2029-01-02")] * 500)
                segments = np.concatenate([rows["segment"], np.full(500, "smb", dtype=object)])
                give(lab, np.concatenate([on, later]), segments, date(2028, 12, 31))
            found.append(read(lab))
    np.testing.assert_allclose(found[0].count, found[1].count, rtol=1e-9)
    assert found[0].growth == pytest.approx(found[1].growth, rel=1e-9)


def test_segments_that_grow_apart_keep_their_own_growth(sql: CompiledSql) -> None:
    months = np.arange(HISTORY) / 12
    counts = np.stack([100 * 1.5**months, np.full(HISTORY, 300), 400 * 0.8**months], axis=1).round()
    found = forecast(sql, counts.astype(np.int64), np.random.default_rng(5))
    factors = found.count[0] / found.ungrown[0]
    expected = np.exp(np.log([1.5, 1.0, 0.8]) * (0.5 + 1 / 24))
    np.testing.assert_allclose(factors, expected, rtol=0.03)


def test_like_segments_share_the_growth_of_the_company(sql: CompiledSql) -> None:
    """Three thin segments of one growth: what differs between them is chance, and mostly ignored."""
    rng = np.random.default_rng(6)
    apart, raw = [], []
    for _ in range(20):
        counts = created(rng, steady(0.2), 20)
        found = forecast(sql, counts, rng)
        apart.append(np.ptp(np.log(found.count[0] / found.ungrown[0])))
        year, before = (counts[HISTORY - n : HISTORY - n + 12].sum(axis=0) for n in (12, 24))
        raw.append(np.ptp(np.log((year + 0.5) / (before + 0.5))) * (0.5 + 1 / 24))
    assert np.mean(apart) < 0.35 * np.mean(raw)


@pytest.mark.parametrize("growth", [-0.2, 0.0, 0.2, 0.6])
def test_where_growth_is_known_forecasts_gain_by_it_and_its_interval_holds(
    sql: CompiledSql, growth: float
) -> None:
    rng = np.random.default_rng(7)
    hits, held, errors, off = [], [], [], []
    quarter, year_ahead = slice(0, 3), slice(9, 12)
    for _ in range(COMPANIES):
        counts = created(rng, steady(growth), 150)
        found = forecast(sql, counts, rng)
        error = (found.growth["growth"] or 0) - np.log1p(growth)
        hits.append(abs(error) < 1.2816 * (found.growth["growth_std"] or 0))
        errors.append(error)
        for months in (quarter, year_ahead):
            came = counts[HISTORY:][months].sum()
            low, high = found.interval(months)
            held.append(low <= came <= high)
            off.append([abs(f[months].sum() - came) for f in (found.count, found.ungrown)] + [came])
    # Of 16 intervals at 80 % fewer than 9 hold in one of two hundred tests.
    assert sum(hits) >= 9
    assert sum(held) >= 2 * 9
    # The smaller of two growths leans towards none, by less than a tenth.
    assert abs(np.mean(errors)) < 0.09
    for ahead in (0, 1):
        with_growth, without, actual = np.sum(off[ahead::2], axis=0)
        if growth:
            assert with_growth < (0.85, 0.65)[ahead] * without
        else:
            assert with_growth / actual < without / actual + (0.015, 0.03)[ahead]


def test_the_demos_outlook_grows_as_its_mart_says(demo: Warehouse) -> None:
    """Each month's count follows from the trailing count, the season and the path, by hand."""
    [(as_of,)] = demo.query("select as_of_date from intermediate.int_as_of")
    rows = demo.query(
        """
        select months.share_left, months.fiscal_month, creation.trailing_count, creation.creation_count,
            growth.growth, growth.growth_std, creation.growth_relative_std,
            (select value from intermediate.int_seasonality__indices as i
            where effect = 'creation' and i.segment = creation.segment
                and i.fiscal_month_of_year = months.month_number)
        from intermediate.int_outlook__creation_to_come as creation
        inner join intermediate.int_outlook__months as months using (fiscal_month)
        inner join intermediate.int_outlook__creation_growth as growth
            on creation.segment = growth.segment
        where creation_basis = 'as_it_goes'
        """
    )
    assert len(rows) > 100
    for left, month, trailing, count, growth, std, relative_std, season in rows:
        end = (month + timedelta(days=31)).replace(day=1)
        first = max((month - as_of).days - 1, 0)
        years = (first + (end - as_of).days - 1) / 2 / 365.25 if left else 0
        grown = 0.5 + (1 - 0.8**years) / -np.log(0.8)
        by_hand = trailing / 12 * season * left * np.exp(growth * grown)
        assert count == pytest.approx(by_hand, rel=1e-9)
        assert relative_std == pytest.approx(std * grown, rel=1e-9)
