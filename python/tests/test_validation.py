"""The estimators on a few companies whose truth is known: `make validate-methods` in short.

The same code as bench/validate_methods.py with fewer repetitions, so the limits are in Monte Carlo
errors: wide enough for the sound, too narrow for the mistakes that are tried beside them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator, default_rng

import validate_methods as validation
from compiled import ROOT, CompiledModels, CompiledSql
from small_company import (
    AS_OF,
    HISTORY_DAYS,
    Company,
    as_recorded,
    draw_company,
    draw_deals,
)
from spell_lab import ADVANCED, OPEN
from validate_methods import Check, Estimates, Found, Runner, Section, collect

pytestmark = pytest.mark.dbt

SEED = 7


@pytest.fixture(scope="module")
def sql(compiled: CompiledModels) -> CompiledSql:
    return compiled()


@pytest.fixture(scope="module")
def curves(sql: CompiledSql) -> Mapping[str, Estimates]:
    return collect(Runner(sql).repeat(validation.find_curves, 40, SEED))


def is_unbiased(estimates: Estimates) -> bool:
    bias, error = estimates.bias
    return abs(bias) < 4 * error and abs(bias) < 0.02


@pytest.mark.parametrize(
    "name", ["company, all deals ever", "company, one quarter", "segments, all deals ever"]
)
def test_curves_find_the_true_rate_and_say_how_sure_they_are(
    curves: Mapping[str, Estimates], name: str
) -> None:
    estimates = curves[name]
    assert is_unbiased(estimates)
    for level in (0.80, 0.95):
        by_chance = math.sqrt(level * (1 - level) / len(estimates.value))
        assert estimates.covered(level)[0] == pytest.approx(level, abs=3.5 * by_chance)


def test_the_arithmetic_of_spreadsheets_would_not_pass(curves: Mapping[str, Estimates]) -> None:
    """What the curves are there for: each of these misses, and in the direction it is known for."""
    sheet = {
        name.removeprefix(validation.SPREADSHEET): estimates.bias
        for name, estimates in curves.items()
        if name.startswith(validation.SPREADSHEET)
    }

    def in_errors(name: str) -> float:
        return sheet[name][0] / sheet[name][1]

    assert in_errors("won ÷ created, last 90 days") < -20
    assert in_errors("won ÷ created, last 180 days") < -20
    assert in_errors("won ÷ created, three years") < -4
    assert in_errors("won ÷ closed, three years") > 4
    assert in_errors("Kaplan-Meier, losses taken as out of sight") > 20
    assert in_errors("mean days of the won, created in the last 180 days") < -20
    assert abs(in_errors("**the curve's rate**")) < 4
    assert abs(in_errors("**the curve's mean days**")) < 4


def test_small_cells_are_estimated_better_by_shrinking_and_still_know_how_sure_they_are(
    sql: CompiledSql,
) -> None:
    found = collect(Runner(sql).repeat(validation.find_small_cells, 20, SEED))
    own, shrunk = found[validation.OWN], found[validation.SHRUNK]
    assert shrunk.rmse < 0.75 * own.rmse
    assert is_unbiased(shrunk)
    for level in (0.80, 0.95):
        share, error = shrunk.covered(level)
        assert share == pytest.approx(level, abs=0.03 + 3 * error)


def of_one_territory(sql: CompiledSql, rng: Generator) -> Found:
    """A company in which a cell and the level above it are the same deals."""
    return validation.find_small_cells_of(
        sql, rng, draw_company(rng, ["home"], ["marketing", "outbound", "alliances", "plg"])
    )


def test_a_company_of_one_territory_gains_as_much(sql: CompiledSql) -> None:
    found = collect(Runner(sql).repeat(of_one_territory, 10, SEED))
    assert found[validation.SHRUNK].rmse < 0.75 * found[validation.OWN].rmse


def test_the_study_has_the_intervals_of_the_sql(sql: CompiledSql) -> None:
    rng = default_rng(SEED)
    company = draw_company(rng)
    with sql.lab() as lab:
        validation.shrink_company(lab, company, validation.simulate(company, rng))
        found = lab.arrays(
            "select value, scaled_std_error, lower, upper from intermediate.int_estimates__shrunk "
            "where parameter = 'win_rate'"
        )
    lower, upper = validation.interval(found["value"], found["scaled_std_error"], 0.95)
    assert len(lower) > 24
    assert lower == pytest.approx(found["lower"], abs=1e-6, nan_ok=True)
    assert upper == pytest.approx(found["upper"], abs=1e-6, nan_ok=True)


# --- the companies --------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def company() -> Company:
    return draw_company(default_rng(SEED))


def test_deals_end_as_the_truth_says(company: Company) -> None:
    deals = draw_deals(company, default_rng(SEED), expected=200_000)
    won = (deals.cause == ADVANCED) & (deals.closed_at_age <= 365)
    n = len(won)
    assert won.mean() == pytest.approx(company.share @ company.won_by(365), abs=4 / (2 * n**0.5))
    never = np.isinf(deals.closed_at_age)
    assert never.mean() == pytest.approx(company.share @ company.never, abs=4 * 0.22 / n**0.5)
    assert deals.closed_at_age[won].mean() == pytest.approx(company.mean_days(365), rel=0.01)


def test_creation_grows(company: Company) -> None:
    deals = draw_deals(company, default_rng(SEED), expected=200_000, growth=0.5)
    year = (np.datetime64(AS_OF) - deals.entered_on).astype(int) // 365
    assert set(year) == set(range(HISTORY_DAYS // 365))
    last, _, first = np.bincount(year)
    assert last / first == pytest.approx(1.5**2, rel=0.03)


def test_the_crm_knows_nothing_of_tomorrow(company: Company) -> None:
    deals = draw_deals(company, default_rng(SEED), expected=20_000)
    spells = as_recorded(deals)
    assert spells.left_on.max() == np.datetime64(AS_OF)
    assert np.all(spells.left_on >= spells.entered_on)
    is_open = spells.cause == OPEN
    assert np.all(spells.left_on[is_open] == np.datetime64(AS_OF))
    # A day later more is known, and nothing of what was known has changed.
    later = as_recorded(deals, AS_OF.replace(month=7, day=1))
    assert np.all(later.cause[~is_open] == spells.cause[~is_open])
    assert np.all(later.left_on[~is_open] == spells.left_on[~is_open])
    assert (later.cause == OPEN).sum() < is_open.sum()


# --- the report -----------------------------------------------------------------------------------
def numbers(sql: CompiledSql, rng: Generator) -> Found:
    """A repetition that only draws."""
    return [("drawn", rng.random(), len(sql.relations), 0.5)]


def test_workers_change_nothing(sql: CompiledSql) -> None:
    assert Runner(sql, workers=2).repeat(numbers, 5, SEED) == Runner(sql).repeat(numbers, 5, SEED)


def test_errors_of_one_company_are_not_taken_for_independent() -> None:
    """Four companies of one cell each, or the same with every cell four times: as sure as before."""
    rng = default_rng(SEED)
    once: list[Found] = [[("rate", rng.random(), 0.1, 0.5)] for _ in range(40)]
    often = [found * 4 for found in once]
    assert collect(often)["rate"].bias == pytest.approx(collect(once)["rate"].bias)
    assert collect(once)["rate"].bias[1] == pytest.approx(0.29 / 40**0.5, rel=0.2)


@pytest.mark.parametrize(("value", "code"), [(0.5, 0), (1.5, 1), (float("nan"), 1)])
def test_what_does_not_hold_is_said_and_fails(
    value: float,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sql: CompiledSql,
) -> None:
    def study(runner: Runner, repetitions: int, seed: int) -> list[Section]:
        line = f"{repetitions} of {len(runner.sql.relations)} with {seed}"
        return [Section("Something", [line], [Check("a figure", value, 0, 1)])]

    def compile_in(folder: Path) -> Callable[[], CompiledSql]:
        assert folder.exists()
        return lambda: sql

    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(validation, "ROOT", tmp_path)
    monkeypatch.setattr(validation, "STUDIES", (study,))
    monkeypatch.setattr(validation, "CompiledModels", compile_in)
    monkeypatch.setattr("sys.argv", ["validate_methods.py", "--repetitions", "3", "--seed", "9"])
    with pytest.raises(SystemExit) as stopped:
        validation.main()
    assert stopped.value.code == code
    written = (tmp_path / "docs" / "validation.md").read_text()
    assert f"3 of {len(sql.relations)} with 9" in written
    assert ("**fails**" in written) == bool(code)
    assert ("is not within 0 to 1" in capsys.readouterr().out) == bool(code)


def test_the_committed_report_holds() -> None:
    """docs/validation.md is of enough repetitions, and nothing in it fails."""
    text = (ROOT / "docs" / "validation.md").read_text()
    repetitions = re.search(r"([\d,]+) repetitions, seed", text)
    assert repetitions is not None
    assert int(repetitions[1].replace(",", "")) >= 200
    assert "| holds |" in text
    assert "**fails**" not in text
