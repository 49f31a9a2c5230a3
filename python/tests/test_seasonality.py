"""The seasonal indices against a count by hand, day by day, and against the simulator's truth."""

from __future__ import annotations

import math
import shutil
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from conftest import Warehouse
from reverse_funnel.demo import DemoConfig
from reverse_funnel.demo.calendar import day_number, day_of, month_starts
from reverse_funnel.demo.config import SEGMENTS, WON
from reverse_funnel.demo.lifecycle import cell_codes
from reverse_funnel.demo.simulation import build_setting, simulate

pytestmark = pytest.mark.dbt

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY = 86_400
AS_OF = date(2026, 8, 31)
MODELS = [
    f"models/intermediate/{model}"
    for model in (
        "estimates/int_estimates__windows",
        "estimates/int_estimates__curves",
        "seasonality/int_seasonality__at_risk",
        "seasonality/int_seasonality__closing",
        "seasonality/int_seasonality__creation",
        "seasonality/int_seasonality__pooled",
        "seasonality/int_seasonality__indices",
    )
]


@dataclass(frozen=True)
class Spells:
    """Opportunities at risk of being won: days since 1970, both ends at risk; shape (n,)."""

    entered: Ints
    left: Ints
    won: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> Spells:
        return Spells(self.entered[chosen], self.left[chosen], self.won[chosen])


@dataclass(frozen=True)
class Months:
    """Calendar months of one cell: observed and expected, NaN where nothing is expected."""

    first: list[date]
    complete: list[bool]
    observed: Floats
    expected: Floats
    used: list[bool]


def _calendar(spells: Spells, as_of: date) -> tuple[list[date], list[int], list[bool]]:
    """Months from the first qualification on, their edges in days, and which were seen whole."""
    begun = day_of(int(spells.entered.min()))
    number = (as_of.year - begun.year) * 12 + as_of.month - begun.month + 1
    first = month_starts(begun, number)
    edges = [day_number(day) for day in first]
    complete = [
        start >= spells.entered.min() and end <= day_number(as_of) + 1
        for start, end in pairwise(edges)
    ]
    return first[:-1], edges, complete


def creation_months(spells: Spells, as_of: date) -> Months:
    """Count month by month, and average the twelve months around each twice."""
    first, edges, complete = _calendar(spells, as_of)
    count = [
        float(((spells.entered >= start) & (spells.entered < end)).sum())
        for start, end in pairwise(edges)
    ]
    expected = []
    for at in range(len(first)):
        around = range(at - 6, at + 7)
        if all(0 <= month < len(first) and complete[month] for month in around):
            early, late = sum(count[at - 6 : at + 6]) / 12, sum(count[at - 5 : at + 7]) / 12
            expected.append((early + late) / 2)
        else:
            expected.append(math.nan)
    return Months(
        first,
        complete,
        np.array(count),
        np.array(expected),
        [not math.isnan(value) for value in expected],
    )


def closing_months(spells: Spells, as_of: date) -> Months:
    """Walk through every day: who is at risk, and what is expected of each at that age."""
    first, edges, complete = _calendar(spells, as_of)
    ages = int((spells.left - spells.entered).max()) + 1
    at_risk, won = np.zeros(ages), np.zeros(ages)
    for lived in spells.left - spells.entered:
        at_risk[: lived + 1] += 1
    np.add.at(won, (spells.left - spells.entered)[spells.won], 1)
    hazard = won / at_risk
    observed, expected = np.zeros(len(first)), np.zeros(len(first))
    for month, (start, end) in enumerate(pairwise(edges)):
        for day in range(start, end):
            here = (spells.entered <= day) & (spells.left >= day)
            expected[month] += hazard[day - spells.entered[here]].sum()
            observed[month] += (spells.won & (spells.left == day)).sum()
    whole = [month for month, seen in enumerate(complete) if seen]
    used = set(whole[len(whole) % 12 :])
    return Months(first, complete, observed, expected, [m in used for m in range(len(first))])


def pooled(months: Months) -> tuple[Floats, Floats, float, float]:
    """Observed and expected by calendar month, and the two parts of the dispersion."""
    observed, expected, years = np.zeros(12), np.zeros(12), np.zeros(12)
    usable = [i for i, used in enumerate(months.used) if used and months.expected[i] > 1e-9]
    for i in usable:
        month = months.first[i].month - 1
        observed[month] += months.observed[i]
        expected[month] += months.expected[i]
        years[month] += 1
    ratio = np.divide(observed, expected, out=np.zeros(12), where=expected > 0)
    pearson = sum(
        (months.observed[i] - ratio[months.first[i].month - 1] * months.expected[i]) ** 2
        / months.expected[i]
        for i in usable
    )
    return observed, expected, pearson, float((ratio * np.maximum(years - 1, 0)).sum())


def shrunk(
    cells: list[Months], parent: Floats, parent_error: Floats
) -> list[tuple[Floats, Floats, Floats]]:
    """Index, its standard error and the raw index of each cell of a level, by calendar month."""
    parts = [pooled(months) for months in cells]
    dispersion = max(1.0, sum(p[2] for p in parts) / sum(p[3] for p in parts))
    fits = [e * parent * o.sum() / (e * parent).sum() for o, e, _, _ in parts]
    chi_square = sum(((p[0] - fit) ** 2 / fit).sum() for p, fit in zip(parts, fits, strict=True))
    freedom = 11 * len(cells)
    information = sum(fit.sum() - (fit**2).sum() / fit.sum() for fit in fits)
    between = max(0.0, (chi_square - dispersion * freedom) / information)
    wider = between + dispersion * math.sqrt(2 * freedom) / information
    result = []
    for (observed, expected, _, _), fit in zip(parts, fits, strict=True):
        noise = dispersion / fit
        own = between / (between + noise)
        value = parent * (1 - own) + parent * own * observed / fit
        error = np.sqrt(
            parent**2 * wider * noise / (wider + noise) + ((1 - own) * parent_error) ** 2
        )
        raw = observed / expected
        result.append((value / value.mean(), error / value.mean(), raw / raw.mean()))
    return result


COUNTS = {"creation": creation_months, "closing": closing_months}


def both_levels(cells: list[Months]) -> list[tuple[Floats, Floats, Floats]]:
    """Indices of the company, which comes first, and of its segments."""
    company = shrunk(cells[:1], np.ones(12), np.zeros(12))[0]
    return [company, *shrunk(cells[1:], company[0], company[1])]


def read_spells(warehouse: Warehouse) -> tuple[date, dict[tuple[str, str], Spells]]:
    """The as-of date, and the opportunities at risk of the company and of each segment."""
    rows = warehouse.query(
        "select segment, entered_on, left_on, cause from intermediate.int_estimates__spells "
        "join intermediate.int_cells using (cell_key) where from_stage = 2 and to_stage = 90"
    )
    segment, entered, left, cause = zip(*rows, strict=True)
    everyone = Spells(
        np.array([day_number(day) for day in entered]),
        np.array([day_number(day) for day in left]),
        np.array(cause) == 1,
    )
    names = np.array(segment)
    cells = {("segment", str(name)): everyone.where(names == name) for name in np.unique(names)}
    as_of = warehouse.value("select as_of_date from intermediate.int_as_of")
    return as_of, {("company", "*"): everyone} | cells


def read_indices(warehouse: Warehouse) -> dict[tuple[str, str], dict[str, Floats]]:
    """Columns of the indices by effect and segment, each in the order of the months."""
    columns = ["value", "raw_value", "lower", "upper", "n", "expected", "is_neutral"]
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for effect, segment, *row in warehouse.query(
        f"select effect, segment, {', '.join(columns)} "
        "from intermediate.int_seasonality__indices order by fiscal_month_of_year"
    ):
        found[effect, segment].append(row)
    return {
        key: dict(zip(columns, np.array(rows, dtype=np.float64).T, strict=True))
        for key, rows in found.items()
    }


@pytest.mark.parametrize("effect", COUNTS)
def test_months_equal_a_count_day_by_day(demo: Warehouse, effect: str) -> None:
    as_of, cells = read_spells(demo)
    in_sql: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for level, segment, *row in demo.query(
        "select cell_level, segment, fiscal_month, is_complete, is_used, observed_count, "
        f"expected_count from intermediate.int_seasonality__{effect} order by fiscal_month"
    ):
        in_sql[level, segment].append(row)
    assert in_sql.keys() == cells.keys()
    for key, spells in cells.items():
        months = COUNTS[effect](spells, as_of)
        first, complete, used, observed, expected = zip(*in_sql[key], strict=True)
        assert list(first) == months.first
        assert list(complete) == months.complete
        assert list(used) == months.used
        assert list(observed) == list(months.observed)
        assert np.array(expected, dtype=np.float64) == pytest.approx(
            months.expected, rel=1e-9, abs=1e-9, nan_ok=True
        )


@pytest.mark.parametrize("effect", COUNTS)
def test_indices_equal_an_independent_computation(demo: Warehouse, effect: str) -> None:
    as_of, cells = read_spells(demo)
    in_sql = read_indices(demo)
    twins = both_levels([COUNTS[effect](spells, as_of) for spells in cells.values()])
    for (_, name), (value, error, raw) in zip(cells, twins, strict=True):
        index = in_sql[effect, name]
        assert index["value"] == pytest.approx(value, rel=1e-9)
        assert index["raw_value"] == pytest.approx(raw, rel=1e-9)
        gamma = stats.gamma((value / error) ** 2, scale=error**2 / value)
        # Wilson and Hilferty's approximation is good to the third digit at these errors.
        assert index["lower"] == pytest.approx(gamma.ppf(0.025), abs=2e-3)
        assert index["upper"] == pytest.approx(gamma.ppf(0.975), abs=2e-3)


def simulated(opportunities: int, seed: int) -> dict[str, Spells]:
    """Simulate a company and read its spells off the recorded lives, by segment and in all (*)."""
    config = DemoConfig(opportunities=opportunities, seed=seed, as_of=AS_OF)
    parts: dict[str, list[Any]] = defaultdict(list)
    for block in simulate(build_setting(config)):
        if block.future:
            continue
        recorded = block.deals.recorded
        seen = (recorded.qualified >= 0) & ~recorded.deleted
        closed = recorded.stage[seen] >= WON
        closed_on = recorded.stage_changed[seen] // DAY
        parts["entered"].append(recorded.qualified[seen] // DAY)
        parts["left"].append(np.where(closed, closed_on, day_number(AS_OF)))
        parts["won"].append(recorded.stage[seen] == WON)
        parts["segment"].append(cell_codes(block.deals.cell)[0][seen])
    everyone = Spells(*(np.concatenate(parts[name]) for name in ("entered", "left", "won")))
    segment = np.concatenate(parts["segment"])
    return {"*": everyone} | {
        name: everyone.where(segment == code) for code, name in enumerate(SEGMENTS)
    }


@pytest.fixture(scope="module")
def truth() -> dict[tuple[str, str], Floats]:
    """Provide the indices of the same company fifty times as large: known to a percent or two."""
    indices = {}
    for name, spells in simulated(200_000, seed=77).items():
        for effect, count in COUNTS.items():
            observed, expected, _, _ = pooled(count(spells, AS_OF))
            indices[effect, name] = observed / expected / np.mean(observed / expected)
    return indices


def test_the_truth_is_the_simulator_s(
    demo: Warehouse, truth: dict[tuple[str, str], Floats]
) -> None:
    """Qualification follows creation by two weeks or so; closing crowds the ends of quarters."""
    season = np.array(demo.truth()["creation"]["season_by_calendar_month"])
    later = (season + np.roll(season, 1)) / 2
    assert np.corrcoef(later, truth["creation", "*"])[0, 1] > 0.85
    by_position = truth["closing", "*"].reshape(4, 3)
    assert (by_position[:, 2] > 1.4).all()
    assert (by_position[:, 0] < by_position[:, 1]).all()
    assert (by_position[:, 1] < 0.9).all()


def test_the_simulator_s_seasons_are_recovered(
    demo: Warehouse, truth: dict[tuple[str, str], Floats]
) -> None:
    indices = read_indices(demo)
    assert indices.keys() == truth.keys()
    inside, errors, raw_errors = [], [], []
    for (effect, name), true in truth.items():
        index = indices[effect, name]
        # A season of a tenth either way, in some hundred opportunities a month: barely to be seen.
        least = 0.9 if effect == "closing" else 0.3
        assert np.corrcoef(index["value"], true)[0, 1] > least, (effect, name)
        inside.append((index["lower"] <= true) & (true <= index["upper"]))
        errors.append(index["value"] - true)
        raw_errors.append(index["raw_value"] - true)
    assert np.mean(inside) > 0.9
    assert np.std(errors) < 0.7 * np.std(raw_errors)
    ends = indices["closing", "*"]["lower"].reshape(4, 3)[:, 2]
    assert (ends > 1).all()


def test_intervals_hold_as_often_as_they_say(truth: dict[tuple[str, str], Floats]) -> None:
    """Of twelve small companies; the twin of the SQL above computes their indices."""
    held: dict[str, list[Any]] = defaultdict(list)
    alike: dict[str, list[float]] = defaultdict(list)
    for seed in range(12):
        cells = simulated(4_000, 200 + seed)
        for effect, count in COUNTS.items():
            months = [count(spells, AS_OF) for spells in cells.values()]
            for name, (value, error, _) in zip(cells, both_levels(months), strict=True):
                gamma = stats.gamma((value / error) ** 2, scale=error**2 / value)
                true = truth[effect, name]
                held[effect].append((gamma.ppf(0.025) <= true) & (true <= gamma.ppf(0.975)))
                if value.std() > 0:
                    alike[effect].append(float(np.corrcoef(value, true)[0, 1]))
    for effect in COUNTS:
        assert 0.92 < np.mean(held[effect]) < 0.995, effect
    assert np.mean(alike["closing"]) > 0.9
    assert np.mean(alike["creation"]) > 0.45


def changed(demo: Warehouse, folder: Path, *statements: str) -> Warehouse:
    """Copy the demo's warehouse, change what lies below the indices, and make them anew.

    dbt has compiled the models for the demo; the copy is a database of the same name.
    """
    copy = copied(demo, folder)
    compiled = demo.folder / "target" / "compiled" / "unified_pipeline"
    with copy.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        for model in MODELS:
            sql = (compiled / model).with_suffix(".sql").read_text()
            connection.execute(f"create or replace table intermediate.{Path(model).stem} as {sql}")
    return copy


def copied(demo: Warehouse, folder: Path, **variables: Any) -> Warehouse:
    copy = Warehouse(folder, vars=variables)
    copy.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(demo.path, copy.path)
    return copy


def test_counts_times_a_number_give_the_same_index(demo: Warehouse, tmp_path: Path) -> None:
    """The raw index is the same. What is used knows that copies are no evidence, but for a rest:
    counts that happened to vary by less than chance are taken to vary as chance has it."""
    four = (
        "insert into intermediate.int_estimates__spells "
        "select spells.* from intermediate.int_estimates__spells as spells, range(3)"
    )
    before, after = read_indices(demo), read_indices(changed(demo, tmp_path, four))
    for key, index in after.items():
        assert index["raw_value"] == pytest.approx(before[key]["raw_value"], rel=1e-9)
        assert index["n"] == pytest.approx(4 * before[key]["n"])
        assert index["expected"] == pytest.approx(4 * before[key]["expected"], rel=1e-9)
    for effect in COUNTS:
        raw, used = before[effect, "*"]["raw_value"], before[effect, "*"]["value"]
        assert np.std(after[effect, "*"]["value"] - raw) <= np.std(used - raw) + 1e-9


def test_the_same_dates_a_year_later_give_the_same_index(demo: Warehouse, tmp_path: Path) -> None:
    """Thirty months without a leap day, so that every age and month is as long a year later."""
    recent = "delete from intermediate.int_estimates__spells where entered_on < date '2024-03-01'"
    later = [
        "update intermediate.int_estimates__spells "
        "set entered_on = entered_on + interval 1 year, left_on = left_on + interval 1 year",
        "update intermediate.int_as_of set as_of_date = as_of_date + interval 1 year, "
        "known_before = known_before + interval 1 year",
    ]
    before = read_indices(changed(demo, tmp_path / "recent", recent))
    after = read_indices(changed(demo, tmp_path / "later", recent, *later))
    assert not before["creation", "*"]["is_neutral"].any()
    assert after.keys() == before.keys()
    for key, index in after.items():
        for column, values in index.items():
            assert values == pytest.approx(before[key][column], rel=1e-9), (key, column)


def test_another_fiscal_year_names_the_same_months_otherwise(
    demo: Warehouse, tmp_path: Path
) -> None:
    """From November on, which cuts the quarters elsewhere, the calendar months have what they had."""
    november = copied(demo, tmp_path, fiscal_year_start_month=11)
    november.dbt("run", "--select", "int_calendar", "path:models/intermediate/seasonality")
    before, after = read_indices(demo), read_indices(november)
    for key, index in after.items():
        for column in ("value", "raw_value", "lower", "upper", "n"):
            assert np.roll(index[column], -2) == pytest.approx(before[key][column], rel=1e-9)


def test_a_short_history_has_no_season(demo: Warehouse, tmp_path: Path) -> None:
    complete = demo.value(
        "select max(quarters_observed) from intermediate.int_seasonality__indices"
    )
    short = copied(demo, tmp_path, seasonality_minimum_quarters=complete + 1)
    short.dbt("run", "--select", "int_seasonality__pooled", "int_seasonality__indices")
    before = read_indices(demo)
    for key, index in read_indices(short).items():
        assert (index["value"] == 1).all()
        assert np.isnan(index["lower"]).all()
        assert index["is_neutral"].all()
        assert index["raw_value"] == pytest.approx(before[key]["raw_value"], rel=1e-9)


def test_a_segment_of_few_deals_has_the_company_s_index(demo: Warehouse, tmp_path: Path) -> None:
    """Seven deals, all of which qualified in March and were won."""
    few = [
        "insert into intermediate.int_cells select 1, 'unmapped', deal_type, territory, "
        "pipeline_source, custom_dimension from intermediate.int_cells limit 1",
        "insert into intermediate.int_estimates__spells by name select 1 as cell_key, from_stage, "
        "to_stage, entered_on, left_on, cause from intermediate.int_estimates__spells "
        "where from_stage = 2 and to_stage = 90 and cause = 1 and entered_on between '2022-01-01' and '2024-12-31' "
        "and month(entered_on) = 3 order by entered_on, left_on limit 7",
    ]
    indices = read_indices(changed(demo, tmp_path, *few))
    for effect in COUNTS:
        company, segment = indices[effect, "*"], indices[effect, "unmapped"]
        assert segment["n"].sum() <= 7
        assert segment["value"] == pytest.approx(company["value"], abs=0.1)
        assert np.nanmax(np.abs(segment["raw_value"] - company["value"])) > 0.5
        own = segment["upper"] - segment["lower"]
        assert (own > company["upper"] - company["lower"] - 1e-9).all()
