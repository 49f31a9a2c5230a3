"""Amount growth, sandbagging and source efficiency: against other implementations and the truth."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import mean, median
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conftest import Warehouse

pytestmark = pytest.mark.dbt

Floats = NDArray[np.float64]

# The demo speaks for 31 August 2026.
PERIODS = {
    "trailing_year": (date(2025, 9, 1), date(2026, 9, 1)),
    "year_before": (date(2024, 9, 1), date(2025, 9, 1)),
}


def period_of(day: date) -> str | None:
    for period, (starts_on, ends_before) in PERIODS.items():
        if starts_on <= day < ends_before:
            return period
    return None


def mart(warehouse: Warehouse, name: str, key: Sequence[str]) -> dict[tuple[Any, ...], Any]:
    """Rows of a mart as dictionaries, by their key."""
    with warehouse.connect() as connection:
        result = connection.execute(f"select * from marts.{name}")
        names = [column[0] for column in result.description]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    found = {tuple(row[column] for column in key): row for row in rows}
    assert len(found) == len(rows)
    return found


OWNER = ("period", "grain_level", "segment", "owner_id")
SOURCE = ("period", "segment", "pipeline_source")


def copy_of(warehouse: Warehouse, folder: Any, *changes: str) -> Warehouse:
    """Change tables of a built warehouse in a copy of it, and build anew what is tested here."""
    copy = Warehouse(folder)
    copy.profiles_dir()
    shutil.copy(warehouse.path, copy.path)
    with copy.connect() as connection:
        for change in changes:
            connection.execute(change)
    copy.dbt("run", "--select", "int_amounts__periods+")
    return copy


@pytest.fixture(scope="module")
def planted(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Provide the demo with its small deals in the hands of four reps of known habits.

    One is honest; one enters every deal at half of its amount; one sells a new product at half the
    price, from entry to signature; one has all the expansions, which are smaller. Sources differ
    more than they do in the demo.
    """
    owned = "select opportunity_key from intermediate.int_opportunities__attributed where owner_id"
    return copy_of(
        demo,
        tmp_path_factory.mktemp("planted"),
        # in turn, so that each has as many wins of a year as the next
        "update intermediate.int_opportunities__attributed set owner_id = case "
        "when deal_type = 'expansion' then 'small_product' "
        "else (['honest', 'low_ball', 'cheap_product'])[1 + turns.turn % 3] end "
        "from (select opportunity_key, row_number() over (partition by segment, deal_type, outcome, "
        "closed_on >= date '2025-09-01' order by opportunity_key) as turn from marts.opportunities) "
        "as turns where turns.opportunity_key = int_opportunities__attributed.opportunity_key "
        "and segment = 'smb'",
        "update intermediate.int_opportunities__qualified set created_amount = created_amount / 2 "
        f"where opportunity_key in ({owned} in ('low_ball', 'cheap_product'))",
        "update intermediate.int_opportunities__current set amount = amount / 2 "
        f"where opportunity_key in ({owned} = 'cheap_product')",
        "update intermediate.int_opportunities__current set amount = amount * 5 "
        "where opportunity_key in (select opportunity_key "
        "from intermediate.int_opportunities__attributed "
        "where pipeline_source = 'marketing' and segment <> 'smb')",
        "update intermediate.int_estimates__rates set rate = rate / 2 "
        "where pipeline_source = 'sdr_outbound'",
    )


# --- amounts at either end ----------------------------------------------------------------------


def test_entries_and_wins_of_every_owner_equal_an_independent_count(demo: Warehouse) -> None:
    entries: dict[tuple[Any, ...], list[tuple[float, str]]] = defaultdict(list)
    wins: dict[tuple[Any, ...], list[tuple[float, float]]] = defaultdict(list)
    for segment, deal_type, owner, qualified_at, entry, outcome, closed_on, amount in demo.query(
        "select segment, deal_type, owner_id_as_of, qualified_at, amount_at_qualification, outcome, "
        "closed_on, amount from marts.opportunities where amount_at_qualification is not null"
    ):
        for grain in (("segment", segment, None), ("owner", segment, owner)):
            if period := period_of(qualified_at.date()):
                entries[(period, *grain)].append((float(entry), deal_type))
            if outcome == "won" and (period := period_of(closed_on)):
                wins[(period, *grain)].append((float(entry), float(amount or 0)))
    usual = {
        (period, segment, deal_type): mean(
            [e for e, t in entries[period, "segment", segment, None] if e and t == deal_type]
        )
        for period, _, segment, owner in entries
        if owner is None
        for deal_type in ("new_business", "expansion")
    }

    def relative(key: tuple[Any, ...]) -> list[float]:
        return [e / usual[key[0], key[2], t] for e, t in entries[key] if e]

    rows = mart(demo, "amount_growth", OWNER)
    assert rows.keys() == entries.keys() | wins.keys()
    assert len(rows) > 50
    for key, row in rows.items():
        created, won = entries[key], wins[key]
        known = [entry for entry, _ in created if entry]
        assert row["created_count"] == len(created)
        assert float(row["created_amount"]) == pytest.approx(sum(known))
        assert row["won_count"] == len(won)
        assert float(row["bookings"]) == pytest.approx(sum(amount for _, amount in won))
        if known:
            assert row["amount_at_qualification"] == pytest.approx(mean(known))
            assert row["median_amount_at_qualification"] == pytest.approx(median(known))
            of_segment = median(relative((key[0], "segment", key[2], None)))
            assert row["entry_to_usual"] == pytest.approx(median(relative(key)) / of_segment)
            expected = mean([usual[key[0], key[2], t] for e, t in created if e])
            assert row["count_minus_amount"] == pytest.approx(1 - mean(known) / expected, abs=1e-9)
        if created:
            assert row["missing_share"] == pytest.approx(1 - len(known) / len(created))
        same = [(entry, amount) for entry, amount in won if entry and amount]
        assert row["growth_count"] == len(same)
        if len(same) > 1:
            entry, amount = (np.array(column) for column in zip(*same, strict=True))
            growth = amount.sum() / entry.sum()
            assert row["growth_ratio"] == pytest.approx(growth)
            error = np.sqrt(np.var(amount - growth * entry, ddof=1) * len(same)) / entry.sum()
            assert row["growth_std_error"] == pytest.approx(error)


def test_growth_recovers_the_simulator_s_truth(demo: Warehouse) -> None:
    """Within four standard errors in every segment and period, and within two on the whole."""
    entry: dict[str, float] = defaultdict(float)
    won: dict[str, float] = defaultdict(float)
    for cell in demo.truth()["cells"]:
        rates = cell["rates"]
        share = cell["share_of_creation"] * np.prod(
            [rates[step]["ultimate"] for step in ("0_to_1", "1_to_2", "2_to_won")]
        )
        entry[cell["segment"]] += share * cell["won_entry_amount_mean"]
        won[cell["segment"]] += share * cell["won_amount_mean"]
    rows = [row for key, row in mart(demo, "amount_growth", OWNER).items() if key[1] == "segment"]
    assert len(rows) == len(entry) * len(PERIODS)
    deviations = [
        (row["growth_ratio"] - won[row["segment"]] / entry[row["segment"]])
        / row["growth_std_error"]
        for row in rows
    ]
    assert max(abs(z) for z in deviations) < 4
    assert np.sqrt(np.mean(np.square(deviations))) < 2


def test_surprises_are_what_week_3_did_not_show(demo: Warehouse) -> None:
    """Replay each won deal's history to the end of its quarter's 21st day."""
    histories: dict[int, list[tuple[datetime, int, date | None]]] = defaultdict(list)
    for key, *state in demo.query(
        "select opportunity_key, valid_from, stage_number, close_date "
        "from intermediate.int_opportunities__versioned order by valid_from, is_current, valid_to"
    ):
        histories[key].append(tuple(state))
    surprises: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, segment, closed_on in demo.query(
        "select opportunity_key, segment, closed_on from marts.opportunities where outcome = 'won'"
    ):
        period = period_of(closed_on)
        start = date(closed_on.year, 3 * ((closed_on.month - 1) // 3) + 1, 1)
        following = date(start.year + start.month // 10, (start.month + 2) % 12 + 1, 1)
        snapshot = start + timedelta(days=21)
        if period is None or closed_on < snapshot:
            continue
        known = [state for state in histories[key] if state[0].date() < snapshot]
        _, stage, close_date = known[-1] if known else (None, 0, None)
        if not 2 <= stage < 90 or close_date is None or close_date < start:
            verdict = "new"
        else:
            verdict = "expected" if close_date < following else "pulled_in"
        surprises[period, segment].append(verdict)
    rows = mart(demo, "amount_growth", OWNER)
    for (period, segment), verdicts in surprises.items():
        row = rows[period, "segment", segment, None]
        late = [verdict for verdict in verdicts if verdict != "expected"]
        assert row["won_after_week3_count"] == len(verdicts)
        assert row["surprise_share"] == pytest.approx(len(late) / len(verdicts))
        assert row["pulled_in_share"] == pytest.approx(late.count("pulled_in") / len(late))
    assert len(surprises) == 6


# --- credibility --------------------------------------------------------------------------------


def der_simonian_laird(groups: list[tuple[Floats, Floats]]) -> float:
    """Variance between units beyond chance: (values, variances) of each group, pooled."""
    excess = scale = 0.0
    for values, variances in groups:
        weights = 1 / variances
        centre = np.average(values, weights=weights)
        excess += float(weights @ (values - centre) ** 2) - (len(values) - 1)
        scale += float(weights.sum() - (weights**2).sum() / weights.sum())
    return max(excess / scale, 0.0) if scale else 0.0


@pytest.mark.parametrize("name", ["amount_growth", "won_to_entry"])
@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("company", ["demo", "planted"])
def test_ratios_are_believed_as_far_as_an_independent_implementation_does(
    request: pytest.FixtureRequest, company: str, name: str, period: str
) -> None:
    rows = request.getfixturevalue(company).query(
        "select segment, own_ratio, segment_ratio, variance, shrunk_ratio "
        "from intermediate.int_amounts__credibility "
        f"where ratio_name = '{name}' and period = '{period}' and segment <> '*'"
    )
    groups: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for segment, own, _, variance, _ in rows:
        if variance is not None:
            groups[segment].append((np.log(own), variance))
    between = der_simonian_laird(
        [tuple(np.array(units).T) for units in groups.values()]  # type: ignore[misc]
    )
    for _, own, of_segment, variance, shrunk in rows:
        believed = between / (between + variance) if variance is not None else 0.0
        expected = np.log(of_segment) + (believed * np.log(own / of_segment) if believed else 0)
        assert np.log(shrunk) == pytest.approx(expected, abs=1e-9)
    assert len(rows) > 10
    assert company == "demo" or between > 0


def kleinman(groups: list[tuple[Floats, Floats]]) -> float:
    """Correlation within a source: (rates, numbers) of each segment, pooled, at least 0.001."""
    excess = scale = 0.0
    for rates, numbers in groups:
        total = numbers.sum()
        weights = numbers / total
        centre = float(weights @ rates)
        chance = float(np.sum(weights * (1 - weights) / numbers))
        excess += total * (float(weights @ (rates - centre) ** 2) - centre * (1 - centre) * chance)
        scale += total * centre * (1 - centre) * (float(np.sum(weights * (1 - weights))) - chance)
    return max(excess / scale, 0.001)


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("company", ["demo", "planted"])
def test_win_rates_are_believed_as_far_as_an_independent_implementation_does(
    request: pytest.FixtureRequest, company: str, period: str
) -> None:
    rows = [
        row
        for key, row in mart(request.getfixturevalue(company), "source_efficiency", SOURCE).items()
        if key[0] == period and row["segment"] and row["win_rate"] is not None
    ]
    groups: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        groups[row["segment"]].append((row["win_rate_measured"], row["win_rate_n"]))
    arrays = {segment: np.array(units).T for segment, units in groups.items()}
    correlation = kleinman([(rates, numbers) for rates, numbers in arrays.values()])
    prior = 1 / correlation - 1
    for row in rows:
        rates, numbers = arrays[row["segment"]]
        centre = float(np.average(rates, weights=numbers))
        n = row["win_rate_n"]
        expected = (n * row["win_rate_measured"] + prior * centre) / (n + prior)
        assert row["win_rate"] == pytest.approx(expected, abs=1e-9)
        assert row["win_rate_credibility"] == pytest.approx(n / (n + prior), abs=1e-9)
    assert len(rows) == 18
    assert company == "demo" or correlation > 0.002


# --- sources ------------------------------------------------------------------------------------


def test_rates_of_sources_come_nearer_to_the_truth_by_being_shrunk(demo: Warehouse) -> None:
    """Nearer than the source's own rate, and than the segment's for all its sources alike."""
    won: dict[tuple[str, str], float] = defaultdict(float)
    weight: dict[tuple[str, str], float] = defaultdict(float)
    for cell in demo.truth()["cells"]:
        rates = cell["rates"]
        share = (
            cell["share_of_creation"] * rates["0_to_1"]["ultimate"] * rates["1_to_2"]["ultimate"]
        )
        key = cell["segment"], cell["pipeline_source"]
        won[key] += share * rates["2_to_won"]["within_365_days"]
        weight[key] += share
    rows = demo.query(
        "select segment, pipeline_source, own_rate, segment_rate, shrunk_rate, effective_n "
        "from intermediate.int_amounts__source_rates "
        "where segment <> '*' and period = 'trailing_year'"
    )
    truth = np.array([won[row[:2]] / weight[row[:2]] for row in rows])
    numbers = np.array([row[5] for row in rows])

    def error(column: int) -> float:
        return float(
            np.average((np.array([r[column] for r in rows]) - truth) ** 2, weights=numbers)
        )

    assert error(4) < error(2)
    assert error(4) < error(3)


def test_shrinking_helps_with_deals_that_were_not_there_yet(demo: Warehouse) -> None:
    """Rates of sources from older cohorts, on the next year's: shrunk they predict better than raw.

    Whether they also predict better than the segment's one rate depends on how much sources
    differ; what they lose where they do not is little.
    """
    won: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    later: list[tuple[str, str, int]] = []
    for segment, source, qualified_at, is_won in demo.query(
        "select segment, pipeline_source, qualified_at, cast(outcome = 'won' "
        "and closed_on - cast(qualified_at as date) <= 365 as integer) "
        "from marts.pipeline_created where qualified_at < '2025-08-31'"
    ):
        if qualified_at < datetime(2024, 9, 1):
            won[segment][source].append(is_won)
        else:
            later.append((segment, source, is_won))
    arrays = {
        segment: (
            np.array([mean(outcomes) for outcomes in sources.values()]),
            np.array([float(len(outcomes)) for outcomes in sources.values()]),
        )
        for segment, sources in won.items()
    }
    prior = 1 / kleinman(list(arrays.values())) - 1
    losses: dict[str, list[float]] = defaultdict(list)
    for segment, source, is_won in later:
        rates, numbers = arrays[segment]
        pooled = float(np.average(rates, weights=numbers))
        own, n = mean(won[segment][source]), len(won[segment][source])
        shrunk = (n * own + prior * pooled) / (n + prior)
        raw = (n * own + 0.5) / (n + 1)  # a source without a win would be ruled out otherwise
        for name, rate in (("pooled", pooled), ("raw", raw), ("shrunk", shrunk)):
            losses[name].append(-np.log(rate if is_won else 1 - rate))
    assert mean(losses["shrunk"]) < mean(losses["raw"])
    assert mean(losses["shrunk"]) < mean(losses["pooled"]) + 0.001


def test_the_median_time_to_win_of_a_source_is_read_off_its_mixed_curve(demo: Warehouse) -> None:
    """Over all segments: the age by which half of the mixture of its curves has been won."""
    parts: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for source, segment, deal_type, count in demo.query(
        "select pipeline_source, segment, deal_type, count(*) from marts.pipeline_created "
        "where qualified_at >= '2025-09-01' group by all"
    ):
        parts[source][segment, deal_type] = count
    curves: dict[tuple[str, str, str], Floats] = defaultdict(lambda: np.zeros(366))
    for source, segment, deal_type, age, incidence in demo.query(
        "select pipeline_source, segment, deal_type, age_days, incidence "
        "from intermediate.int_estimates__curves where cell_level = 'segment_deal_type_source' "
        "and estimation_window = 'all_time' and from_stage = 2 and to_stage = 90 and age_days <= 365"
    ):
        curves[source, segment, deal_type][age] = incidence or 0
    rows = mart(demo, "source_efficiency", SOURCE)
    for source, counts in parts.items():
        mixed = sum(n * curves[source, *key] for key, n in counts.items()) / sum(counts.values())
        cumulative = np.cumsum(mixed)
        row = rows["trailing_year", None, source]
        assert row["win_rate_measured"] == pytest.approx(cumulative[-1], abs=1e-9)
        expected = int(np.argmax(cumulative >= cumulative[-1] / 2 - 1e-9))
        assert row["median_days_to_win"] == expected
    assert len(parts) == 6


def test_a_source_that_yields_more_needs_less_pipeline(demo: Warehouse) -> None:
    """Ranks follow yields; what a dollar of bookings takes falls with them; costs are the seed's."""
    rows = mart(demo, "source_efficiency", SOURCE)
    by_segment: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for (period, segment, _), row in rows.items():
        by_segment[period, segment].append(row)
    for group in by_segment.values():
        ranked = sorted((row for row in group if row["rank"]), key=lambda row: row["rank"])
        assert [row["rank"] for row in ranked] == list(range(1, len(ranked) + 1))
        needed = [1 / row["yield"] for row in ranked]
        assert all(a <= b + 1e-6 for a, b in pairwise(needed))
    assert rows["trailing_year", "smb", "alliances"]["cost_per_opportunity"] == 2500
    assert rows["trailing_year", "enterprise", "marketing"]["cost_per_opportunity"] == 5200
    assert 3350 <= rows["year_before", "smb", "marketing"]["cost_per_opportunity"] < 3500


# --- what must not matter, and what must --------------------------------------------------------


@pytest.fixture(scope="module")
def in_another_currency(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Provide the demo in a corporate currency of which a dollar is worth eight."""
    return copy_of(
        demo,
        tmp_path_factory.mktemp("money"),
        "update intermediate.int_opportunities__qualified set created_amount = 8 * created_amount",
        "update intermediate.int_opportunities__current set amount = 8 * amount",
        "update crm.crm_opportunities set corporate_rate = 8 * corporate_rate",
        "update seeds.source_costs set cost_per_opportunity = 8 * cost_per_opportunity",
    )


@pytest.mark.parametrize(("name", "key"), [("amount_growth", OWNER), ("source_efficiency", SOURCE)])
def test_money_in_another_currency_scales_amounts_and_leaves_the_rest(
    demo: Warehouse, in_another_currency: Warehouse, name: str, key: tuple[str, ...]
) -> None:
    money = {
        "created_amount",
        "implied_amount",
        "amount_at_qualification",
        "median_amount_at_qualification",
        "bookings",
        "won_amount",
        "expected_bookings_per_opportunity",
        "cost_per_opportunity",
        "cost",
    }
    before, after = mart(demo, name, key), mart(in_another_currency, name, key)
    assert before.keys() == after.keys()
    scaled = 0
    for row_key, row in before.items():
        for column, value in row.items():
            other = after[row_key][column]
            if column == "round_share":  # the cents were rounded before they were multiplied
                continue
            if value is None or (column not in money and not isinstance(value, float)):
                assert other == value, (row_key, column)
                continue
            factor = 8 if column in money else 1
            # implied amounts are rounded to the cent, in either currency
            assert float(other) == pytest.approx(factor * float(value), rel=1e-9, abs=0.05), column
            scaled += column in money
    assert scaled > 300 if name == "amount_growth" else scaled > 100


def test_the_rep_who_enters_low_is_flagged_and_nobody_else_is(planted: Warehouse) -> None:
    reps = {
        row["owner_id"]: row
        for key, row in mart(planted, "amount_growth", OWNER).items()
        if key[:3] == ("trailing_year", "owner", "smb")
    }
    verdicts = {owner: row["sandbag_verdict"] for owner, row in reps.items()}
    assert verdicts == {
        "honest": "ok",
        "low_ball": "flagged",
        "cheap_product": "ok",
        "small_product": "ok",
    }
    # The cheaper product enters as low as the low-baller's deals do: only growth tells them apart.
    assert reps["cheap_product"]["low_entry_flag"]
    assert reps["low_ball"]["low_entry_flag"]
    # A rep whose deals are small because their type is sits at the usual amounts.
    assert abs(reps["small_product"]["count_minus_amount"]) < 1e-9


def test_honest_reps_are_not_flagged(demo: Warehouse) -> None:
    """Nobody in the simulated company enters low on purpose."""
    rows = mart(demo, "amount_growth", OWNER).values()
    assert not [row["owner_id"] for row in rows if row["sandbag_flag"]]
    assert [row["owner_id"] for row in rows if row["sandbag_verdict"] == "watch"]
