"""Whether a plan's assumptions still hold: the tests in SQL against statistics by the book, and
verdicts on companies where it is known what drifted."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from compiled import CompiledModels, Lab
from conftest import ROOT, Warehouse
from spell_lab import FIRST_DAY, Window, give_cells, give_spells, give_windows
from validate_drift import CELL, give_plans, judge, names, of_shares, validate

pytestmark = pytest.mark.dbt

ASSUMED, ACTUAL = 0.47, 0.32
ALPHA, MINIMUM_EFFECT = 0.05, 0.10


@pytest.fixture
def lab(compiled: CompiledModels) -> Iterator[Lab]:
    with compiled().lab() as lab:
        yield lab


# --- one assumption, one look -------------------------------------------------------------------
PUBLISHED = {20: 0.18, 40: 0.08, 60: 0.02, 84: 0.006, 120: 0.0009}
"""Exact two-sided binomial p-values of 32 % where 47 % was assumed."""


def literature(compiled: CompiledModels, sizes: Sequence[int]) -> dict[str, Any]:
    n = np.array(sizes)
    return judge(
        compiled(),
        {"plan_version": names(n.size), "segment": "s", **of_shares(ASSUMED, ACTUAL * n, n)},
    )


def test_the_verdict_on_32_instead_of_47_percent_depends_on_how_many_were_seen(
    compiled: CompiledModels,
) -> None:
    found = literature(compiled, list(PUBLISHED))
    assert found["verdict"].tolist() == ["immature", "watch", "breach", "breach", "breach"]
    assert found["immature_reason"][0] == "few_observations"


@pytest.mark.parametrize("n", PUBLISHED)
def test_the_score_test_is_close_to_the_exact_one(compiled: CompiledModels, n: int) -> None:
    """The exact p-value lies on steps and is larger, by a quarter or so at 40 and at 84."""
    exact = stats.binomtest(round(ACTUAL * n), n, ASSUMED).pvalue
    assert exact == pytest.approx(PUBLISHED[n], rel=0.1)
    (score,) = literature(compiled, [n])["p_value"]
    by_hand = 2 * stats.norm.sf((ASSUMED - ACTUAL) / np.sqrt(ASSUMED * (1 - ASSUMED) / n))
    if n >= 30:
        assert score == pytest.approx(by_hand, rel=1e-9)
        assert 0.6 < score / exact <= 1.1
    else:
        assert np.isnan(score)


def test_84_are_enough_to_find_it_four_times_in_five() -> None:
    """The sample size at 80 % power by the formula for one share, and by counting."""
    normal = stats.norm.ppf
    spread = [np.sqrt(p * (1 - p)) for p in (ASSUMED, ACTUAL)]
    needed = ((normal(0.975) * spread[0] + normal(0.8) * spread[1]) / (ASSUMED - ACTUAL)) ** 2
    assert int(np.ceil(needed)) == 84


def test_p_values_are_those_of_the_normal_distribution(compiled: CompiledModels) -> None:
    """Into tails where an approximation that is good to seven digits would say 0."""
    n = 10_000
    actual = np.linspace(0.26, 0.74, 97)
    found = judge(
        compiled(),
        {"plan_version": names(97), "segment": "s", **of_shares(0.5, actual * n, np.full(97, n))},
    )
    z = (actual - 0.5) / np.sqrt(0.25 / n)
    far = np.abs(z) < 36.5
    assert np.abs(z[far]).max() > 30
    assert found["z_score"] == pytest.approx(z, abs=1e-9)
    assert found["p_value"][far] == pytest.approx(
        2 * stats.norm.sf(np.abs(z[far])), rel=1e-8, abs=0
    )
    assert (found["p_value"][np.abs(z) > 37.5] == 0).all()
    assert found["p_value"][z == 0] == pytest.approx(1)


def amounts(actual: Any, std_error: Any, n: Any, **other: Any) -> dict[str, Any]:
    return {
        "parameter": "won_amount",
        "measure": "mean",
        "unit": "corporate currency",
        "actual": np.asarray(actual, dtype=float),
        "std_error": np.asarray(std_error, dtype=float),
        "n": np.asarray(n),
        "n_events": np.asarray(n),
        "effective_n": np.asarray(n, dtype=float),
        **other,
    }


def test_amounts_are_compared_by_student_s_t_on_the_logarithm(compiled: CompiledModels) -> None:
    t = np.array([-4.0, -2.0, -0.5, 0.5, 1.0, 2.0, 3.0])
    for n in (30, 200):
        std_error = 0.1
        actual = np.exp(t * std_error)
        found = judge(
            compiled(),
            amounts(
                actual * 5000,
                actual * 5000 * std_error,
                np.full(t.size, n),
                plan_version=names(t.size),
                segment="s",
                assumed=np.full(t.size, 5000.0),
            ),
        )
        by_t = 2 * stats.t.sf(np.abs(t), n - 1)
        assert found["p_value"] == pytest.approx(by_t, rel=0.02)
        assert np.sign(found["z_score"]).tolist() == np.sign(t).tolist()


def test_the_p_value_for_any_time_is_the_mixture_over_effects(compiled: CompiledModels) -> None:
    """The likelihood ratio integrated numerically over effects as large as the one looked for."""
    n = np.array([40, 200, 1000])
    won = np.array([13, 64, 430])
    found = judge(
        compiled(), {"plan_version": names(3), "segment": "s", **of_shares(ASSUMED, won, n)}
    )
    variance = ASSUMED * (1 - ASSUMED)
    effects = np.linspace(-0.6, 0.6, 400_001)
    density = stats.norm.pdf(effects, scale=MINIMUM_EFFECT * ASSUMED)
    for size, share, p_value in zip(n, won / n, found["p_value_any_time"], strict=True):
        log_ratio = size * (effects * (share - ASSUMED) - effects**2 / 2) / variance
        ratio = np.trapezoid(np.exp(log_ratio) * density, effects)
        assert p_value == pytest.approx(min(1, 1 / ratio), rel=1e-6)


def test_a_certain_assumption_is_refuted_by_what_contradicts_it(compiled: CompiledModels) -> None:
    """None or all leave no variance to divide by, and zero nothing to be relative to."""
    found = judge(
        compiled(),
        {
            "plan_version": names(5),
            "segment": "s",
            **of_shares([0, 0, 1, 1, 0.5], [0, 12, 50, 30, 0], np.full(5, 50)),
        },
    )
    # none of none is rarer than can be judged, and a rate that fell to nothing must not hide there
    assert found["verdict"].tolist() == ["immature", "breach", "ok", "breach", "breach"]


# --- many assumptions ---------------------------------------------------------------------------
def test_q_values_are_those_of_benjamini_and_hochberg(compiled: CompiledModels) -> None:
    """By plan, with ties, and without what cannot be judged."""
    random = np.random.default_rng(3)
    n = np.where(np.arange(40) % 8 == 0, 12, 200)
    won = random.binomial(n, 0.3, (2, 40))
    found = judge(
        compiled(),
        {
            "plan_version": np.repeat(["a", "b"], 40),
            "segment": np.tile(names(40), 2),
            **of_shares(0.25, won.ravel(), np.tile(n, 2)),
        },
    )
    for plan in ("a", "b"):
        of = (found["plan_version"] == plan) & ~np.isnan(found["p_value"])
        assert of.sum() == 35
        expected = stats.false_discovery_control(found["p_value"][of])
        assert found["q_value"][of] == pytest.approx(expected, rel=1e-9)
    assert len(set(found["p_value"])) < len(found["p_value"]) - 10


def test_alarms_are_as_rare_as_promised_and_drift_is_found(compiled: CompiledModels) -> None:
    """bench/validate_drift.py, shortened."""
    table = validate(compiled(), repetitions=100, seed=7)
    for row in table:
        if row["at_most"] is not None:
            assert row["value"] <= row["at_most"] + 3 * max(row["error"], 0.02), row
    found = {
        row["n"]: row["value"]
        for row in table
        if "finished share" in row["study"] and row["figure"] == "detection"
    }
    assert list(found.values()) == sorted(found.values())
    assert found[20] == 0
    assert found[84] == pytest.approx(0.8, abs=0.12)


# --- rates since the plan -----------------------------------------------------------------------
def test_rates_since_a_plan_are_those_of_a_window_that_opens_then(lab: Lab) -> None:
    """The same spells through int_estimates__rates, whose curves are tested against the books."""
    random = np.random.default_rng(4)
    count, cells, last = 4000, 4, 900
    entered = random.integers(0, last, count)
    left = entered + np.rint(random.lognormal(4, 0.8, count)).astype(int)
    cause = np.where(left < last, random.choice([1, 2, 3], count, p=[0.3, 0.5, 0.2]), 0)
    start, as_of = np.datetime64(FIRST_DAY), FIRST_DAY + timedelta(days=last - 1)
    plan_starts = 700
    give_windows(lab, [Window("lookback", plan_starts, last)])
    keys = [(f"s{n}", "x", "x", "x", "all") for n in range(cells)]
    give_cells(lab, keys)
    give_spells(
        lab,
        cell=random.integers(0, cells, count),
        entered_on=start + entered,
        left_on=start + np.minimum(left, last - 1),
        cause=cause,
    )
    give_plans(lab, ["v1"], FIRST_DAY + timedelta(days=plan_starts))
    lab.connection.execute(f"update intermediate.int_drift__plans set last_day = date '{as_of}'")
    lab.table(
        "plan_assumptions",
        rows=[
            {
                "plan_version": "v1",
                "parameter": "win_rate",
                "value": 0.3,
                **dict(zip(CELL, key, strict=True)),
            }
            for key in keys
        ],
    )
    lab.seed("cell_levels")
    lab.run("int_estimates__curves", "int_estimates__rates")
    lab.run("int_drift__assumed", "int_drift__counts", "int_drift__rates")
    compared = lab.query(
        """
        select drift.n - rates.n, drift.n_advanced - rates.n_advanced, drift.rate / rates.rate,
            drift.std_error / rates.std_error, drift.mean_days / rates.mean_days,
            drift.mean_days_std_error / rates.mean_days_std_error, drift.n_begun
        from intermediate.int_drift__rates as drift
        inner join intermediate.int_estimates__rates as rates
            using (cell_level, segment, deal_type, territory, pipeline_source, custom_dimension)
        where rates.rate is not null
        """
    )
    assert len(compared) >= 8
    for *same, n_begun in compared:
        assert same == pytest.approx([0, 0, 1, 1, 1, 1], rel=1e-9)
        assert n_begun > 0
    begun = lab.query(
        "select n_begun from intermediate.int_drift__rates where cell_level = 'company'"
    )
    assert begun == [(int(np.sum(entered >= plan_starts)),)]


def curve(lab: Lab, rows: Sequence[tuple[int, int, int, int, int]]) -> tuple[float, bool]:
    """Share unseen, and whether the curve is broken: rows of age, entered, departed, advanced, lost."""
    give_cells(lab, [("s", "x", "x", "x", "all")])
    lab.seed("cell_levels")
    lab.table(
        "int_drift__counts",
        rows=[
            {
                **dict(
                    zip(("age_days", "entered", "departed", "advanced", "lost"), row, strict=True)
                ),
                **{"plan_version": "v1", "cell_key": 0, "from_stage": 2, "to_stage": 90},
                **{"derailed": 0, "begun": 0},
            }
            for row in rows
        ],
    )
    lab.run("int_drift__rates")
    return lab.query(
        "select unseen_share, is_broken from intermediate.int_drift__rates where cell_level = 'cell'"
    )[0]


def test_what_nobody_was_there_to_see_is_counted(lab: Lab) -> None:
    """At the usual pace, and never more than was left: by hand."""
    seen_throughout = [(0, 4, 0, 0, 0), (10, 0, 1, 1, 0), (365, 0, 3, 0, 0)]
    assert curve(lab, seen_throughout) == (0, False)
    # half advances on day 50, the rest is seen until day 100: 265 days of a half, at 0.5 in 208 days
    stops = [(0, 2, 0, 0, 0), (50, 0, 1, 1, 0), (100, 0, 1, 0, 0)]
    assert curve(lab, stops) == (pytest.approx(0.5 * 265 * 0.5 / 208 / 0.5), False)
    # nobody younger than 100 days, one day, all of it
    late = [(100, 2, 0, 0, 0), (101, 0, 2, 2, 0)]
    assert curve(lab, late) == (pytest.approx(100 / 101), False)
    # everybody is gone on day 10, and somebody of day 100 is still there
    older = [(100, 1, 0, 0, 0), (120, 0, 1, 0, 0)]
    cut = [(0, 2, 0, 0, 0), (10, 0, 2, 1, 1), *older]
    assert curve(lab, cut)[1]
    # the same where it was the last of fifty: a fiftieth, of forty that advanced, changes little
    slight = [(0, 50, 0, 0, 0), (5, 0, 49, 40, 9), (10, 0, 1, 0, 1), *older]
    assert curve(lab, slight) == (pytest.approx(0.02 / 0.8), False)


def test_a_shift_between_cells_is_no_drift(lab: Lab) -> None:
    """Cells that do exactly what was assumed, of which the poorer one brings ever more."""
    give_plans(lab, ["v1"], FIRST_DAY)
    lab.connection.execute(
        f"update intermediate.int_drift__plans set last_day = date '{FIRST_DAY + timedelta(days=400)}'"
    )
    cells = [("rich", "x", "x", "x", "all"), ("poor", "x", "x", "x", "all")]
    give_cells(lab, cells)
    wins, count = (40, 40), (80, 400)
    start = np.datetime64(FIRST_DAY)
    give_spells(
        lab,
        cell=np.repeat([0, 1], count),
        entered_on=np.repeat(start, sum(count)),
        left_on=start + np.full(sum(count), 30),
        cause=np.concatenate(
            [np.where(np.arange(n) < w, 1, 2) for w, n in zip(wins, count, strict=True)]
        ),
    )
    lab.table(
        "plan_assumptions",
        rows=[
            {
                "plan_version": "v1",
                "parameter": "win_rate",
                "value": value,
                **dict(zip(CELL, cell, strict=True)),
            }
            for cell, value in zip(cells, (0.5, 0.1), strict=True)
        ],
    )
    lab.seed("cell_levels")
    lab.empty("int_drift__amounts")
    lab.run(
        "int_drift__assumed",
        "int_drift__counts",
        "int_drift__rates",
        "int_drift__realised_rates",
        "int_drift__realised_amounts",
        "int_drift__realised",
        "int_drift__tested",
        "assumption_drift",
    )
    # 30 % if both counted alike, 16.7 % as it was to be expected
    assumed, actual, verdict = lab.query(
        "select assumed, actual, verdict from marts.assumption_drift where cell_level = 'company'"
    )[0]
    assert (assumed, actual) == pytest.approx((80 / 480, 80 / 480))
    assert verdict == "ok"


# --- a company and its plan ---------------------------------------------------------------------
MONEY = ("amount_at_qualification", "won_amount")


def table(name: str) -> list[dict[str, str]]:
    (path,) = (ROOT / "seeds").glob(f"*/{name}.csv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def text(rows: Sequence[dict[str, str]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def scaled(name: str, factor: float, columns: Sequence[str], only: Sequence[str] = ()) -> str:
    """Return a seed with some columns multiplied, of some parameters where it has any."""
    rows = table(name)
    for row in rows:
        for column in columns:
            if row[column] and (not only or row["parameter"] in only):
                row[column] = f"{float(row[column]) * factor:.8f}"
    return text(rows)


def drifted(demo: Warehouse, folder: Path, **seeds: str) -> Warehouse:
    """Copy the demo company with other seeds; built from them on by the caller."""
    warehouse = Warehouse(folder)
    folder.mkdir(exist_ok=True)
    shutil.copy(demo.path, warehouse.path)
    committed = {
        name: text(table(name))
        for name in ("plan_versions", "plan_assumptions", "pipeline_targets", "bookings_goals")
    }
    warehouse.own_seeds(**committed | seeds)
    return warehouse


def rebuild(warehouse: Warehouse) -> None:
    warehouse.dbt("seed", "--select", "path:" + str(warehouse.seeds))
    warehouse.dbt(
        "run", "--select", "int_goals__spans", "int_goals", "int_plan_in_force", "int_drift__plans+"
    )


DRIFT = (
    "select parameter, cell_level, segment, deal_type, territory, pipeline_source, verdict, "
    "assumed, actual, p_value, bookings_effect::double, pipeline_effect::double "
    "from marts.assumption_drift order by all"
)


@pytest.fixture(scope="module")
def optimistic(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Provide the demo company under a plan that assumed 1.47 times the win rates it has."""
    warehouse = drifted(
        demo,
        tmp_path_factory.mktemp("optimistic"),
        plan_assumptions=scaled("plan_assumptions", 1.47, ["value"], ["win_rate"]),
        aspirations=(ROOT / "seeds/policies/aspirations.csv").read_text().splitlines()[0] + "\n",
    )
    rebuild(warehouse)
    return warehouse


def true_assumptions(demo: Warehouse) -> str:
    """Return a plan that believes what the simulator does."""
    rates = {
        "meeting_accepted_to_completed_rate": "0_to_1",
        "meeting_completed_to_qualified_rate": "1_to_2",
        "win_rate": "2_to_won",
    }
    rows = []
    for cell in demo.truth()["cells"]:
        values = {name: cell["rates"][step]["within_365_days"] for name, step in rates.items()}
        values |= {name: cell[f"{name}_mean"] for name in MONEY}
        row = {**table("plan_assumptions")[0], **{name: cell.get(name, "all") for name in CELL}}
        rows += [row | {"parameter": name, "value": value} for name, value in values.items()]
    return text(rows)


def test_a_plan_that_knows_the_truth_is_hardly_ever_in_breach(
    demo: Warehouse, tmp_path: Path
) -> None:
    warehouse = drifted(demo, tmp_path / "truth", plan_assumptions=true_assumptions(demo))
    rebuild(warehouse)
    breaches, judged = warehouse.query(
        "select count(*) filter (verdict = 'breach'), count(*) from marts.assumption_drift "
        "where verdict <> 'immature'"
    )[0]
    assert judged > 50
    assert breaches <= ALPHA * judged


def test_every_assumption_of_the_plan_has_an_actual_or_a_reason(demo: Warehouse) -> None:
    missing = demo.query(
        """
        select count(*) from seeds.plan_assumptions as plan
        left join marts.assumption_drift as drift
            on plan.parameter = drift.parameter and drift.pipeline_source = plan.pipeline_source
            and case when plan.parameter like '%lead_to_meeting%'
                then drift.cell_level = 'pipeline_source'
                else drift.cell_level = 'cell' and drift.segment = plan.segment
                and drift.deal_type = plan.deal_type and drift.territory = plan.territory end
        -- a distribution is judged by its mean, a variation by the interval of the mean
        where plan.month_number is null and plan.parameter <> 'won_amount_variation'
        and (drift.parameter is null or (drift.actual is null and drift.immature_reason is null))
        """
    )
    assert missing == [(0,)]


def test_a_win_rate_that_was_planned_too_high_is_a_breach_with_its_price(
    optimistic: Warehouse,
) -> None:
    assumed, actual, verdict, bookings, pipeline = optimistic.query(
        "select assumed, actual, verdict, bookings_effect::double, pipeline_effect::double "
        "from marts.assumption_drift where cell_level = 'company' and parameter = 'win_rate'"
    )[0]
    assert verdict == "breach"
    (version,) = table("plan_versions")
    months = date.fromisoformat(version["first_month"]), date.fromisoformat(version["last_month"])
    goals = sum(
        float(goal["bookings_goal"])
        for goal in table("bookings_goals")
        if months[0] <= date.fromisoformat(goal["fiscal_month"]) <= months[1]
    )
    targets = sum(float(target["target_amount"] or 0) for target in table("pipeline_targets"))
    assert bookings == pytest.approx(goals * (actual / assumed - 1), abs=0.01)
    assert pipeline == pytest.approx(targets * (assumed / actual - 1), abs=0.01)
    assert bookings < 0 < pipeline


def test_effects_of_cells_sum_to_those_of_their_level(optimistic: Warehouse) -> None:
    """Goals divided among sources are the goals, at whatever level they are put together again."""
    totals = optimistic.query(
        "select cell_level, sum(planned_bookings), sum(planned_pipeline) "
        "from intermediate.int_drift__planned group by all order by all"
    )
    assert len(totals) == 5
    for _, bookings, pipeline in totals:
        assert bookings == pytest.approx(totals[0][1], rel=1e-9)
        assert pipeline == pytest.approx(totals[0][2], rel=1e-9)


def test_only_what_was_planned_otherwise_is_judged_otherwise(
    demo: Warehouse, optimistic: Warehouse
) -> None:
    before, after = (
        [row for row in warehouse.query(DRIFT) if row[0] != "win_rate"]
        for warehouse in (demo, optimistic)
    )
    for one, other in zip(before, after, strict=True):
        # but for the verdict, which depends on how many alarms there are elsewhere
        assert one[:6] == other[:6]
        for value, same in zip(one[7:], other[7:], strict=True):
            assert (value is None) == (same is None)
            assert value is None or same == pytest.approx(value, rel=1e-8)


def test_in_another_currency_effects_are_others_and_verdicts_the_same(
    demo: Warehouse, optimistic: Warehouse, tmp_path: Path
) -> None:
    factor = 10
    warehouse = drifted(
        demo,
        tmp_path / "currency",
        bookings_goals=scaled("bookings_goals", factor, ["bookings_goal"]),
        pipeline_targets=scaled("pipeline_targets", factor, ["target_amount"]),
        plan_assumptions=optimistic_in(factor),
    )
    with warehouse.connect() as connection:
        for relation, column in (
            ("int_opportunities__qualified", "created_amount"),
            ("int_opportunities__current", "amount"),
        ):
            connection.execute(f"update intermediate.{relation} set {column} = {column} * {factor}")
    rebuild(warehouse)
    compared = 0
    for one, other in zip(optimistic.query(DRIFT), warehouse.query(DRIFT), strict=True):
        assert one[:7] == other[:7]
        money = factor if one[0] in MONEY else 1
        for before, after, times, cents in zip(
            one[7:],
            other[7:],
            (money, money, 1, factor, factor),
            (0, 0, 0, 0.06, 0.06),
            strict=True,
        ):
            assert (before is None) == (after is None)
            if before is not None:
                assert after == pytest.approx(before * times, rel=1e-6, abs=cents)
                compared += 1
    assert compared > 1000


def optimistic_in(factor: float) -> str:
    rows = table("plan_assumptions")
    for row in rows:
        by = factor if row["parameter"] in MONEY else 1.47 if row["parameter"] == "win_rate" else 1
        row["value"] = f"{float(row['value']) * by:.8f}"
    return text(rows)


def test_a_plan_of_today_has_nothing_to_be_judged_by_yet(demo: Warehouse, tmp_path: Path) -> None:
    versions = table("plan_versions")
    versions[0]["as_of_date"] = "2026-08-31"
    warehouse = drifted(demo, tmp_path / "today", plan_versions=text(versions))
    rebuild(warehouse)
    assert warehouse.query(
        "select distinct verdict, immature_reason, n from marts.assumption_drift"
    ) == [("immature", "nothing_observed", 0)]


def test_an_override_past_its_last_day_is_named(demo: Warehouse, tmp_path: Path) -> None:
    header = (ROOT / "seeds/policies/assumption_overrides.csv").read_text().splitlines()[0]
    overrides = (
        "win_rate,smb,,,,,0.3,a promotion,CRO,2026-08-30",
        "win_rate,enterprise,,,,,0.3,a promotion,CRO,2026-08-31",
        "won_amount,,,,,,9000,a price list,CFO,",
    )
    warehouse = drifted(
        demo, tmp_path / "overrides", assumption_overrides="\n".join((header, *overrides)) + "\n"
    )
    warehouse.dbt("seed", "--select", "assumption_overrides")
    said = warehouse.dbt("test", "--select", "overrides_that_have_expired").stdout
    assert "Got 1 result" in said
    assert "WARN=1 ERROR=0" in said


def test_no_program_reads_aspirations() -> None:
    programs = (ROOT / "python" / "src").rglob("*.py")
    assert not [path.name for path in programs if "aspirations" in path.read_text()]
