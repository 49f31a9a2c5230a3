"""The outlook against a loop over deals, against a simulation, and on companies whose truth is known."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import optimize, stats

from compiled import CompiledModels, Lab
from conftest import Warehouse

pytestmark = pytest.mark.dbt

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Row = dict[str, Any]

AS_OF = date(2026, 8, 31)
WON_STAGE, ENOUGH = 90, 10
"""The stage of a win, and var minimum_events."""


def rows(warehouse: Warehouse, sql: str) -> list[Row]:
    with warehouse.connect() as connection:
        found = connection.execute(sql)
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


# --- the chances of open deals, deal by deal -------------------------------------------------


@dataclass(frozen=True)
class Passage:
    """One deal in one stage: how many days it stayed, and how it left (None: it is there yet)."""

    segment: str
    deal_type: str
    days: int
    left_to: str | None
    days_after: int
    """From leaving for the next stage to the outcome, or to the as-of date."""
    outcome: str


def passages(demo: Warehouse, stage: int, after: int) -> list[Passage]:
    found = rows(
        demo,
        f"""
        select attributes.segment, attributes.deal_type, state.outcome,
            cast(here.reached_at as date) as here_on, cast(there.reached_at as date) as there_on,
            case when state.outcome = 'open' then date '{AS_OF}' else cast(state.closed_at as date) end as left_on
        from intermediate.int_opportunities__milestones as here
        inner join intermediate.int_opportunities__current as state using (opportunity_key)
        inner join intermediate.int_opportunities__attributed as attributes using (opportunity_key)
        left join intermediate.int_opportunities__milestones as there
            on here.opportunity_key = there.opportunity_key
            and there.stage_number = {after} and {after} < {WON_STAGE}
        where here.stage_number = {stage} and state.outcome <> 'deleted'
        """,
    )
    listed = []
    for row in found:
        advanced = row["there_on"] is not None
        left_on = row["there_on"] if advanced else row["left_on"]
        outcome = row["outcome"]
        left_to = "next" if advanced or (after == WON_STAGE and outcome == "won") else outcome
        listed.append(
            Passage(
                segment=row["segment"],
                deal_type=row["deal_type"],
                days=(left_on - row["here_on"]).days,
                left_to=None if left_to == "open" else left_to,
                days_after=(row["left_on"] - left_on).days,
                outcome=outcome,
            )
        )
    return listed


def incidence(ends: list[tuple[int, str | None]], wanted: str) -> tuple[list[float], list[float]]:
    """Return the share that ends as wanted at each age up to the reach, and the share still there after."""
    happened, there, open_share = [], [], 1.0
    for age in range(max(days for days, _ in ends) + 1):
        at_risk = sum(days >= age for days, _ in ends)
        if at_risk < ENOUGH:
            break
        now = [cause for days, cause in ends if days == age and cause is not None]
        happened.append(open_share * now.count(wanted) / at_risk)
        open_share *= 1 - len(now) / at_risk
        there.append(open_share)
    return happened, there


def chance_by_hand(every: list[Passage], kind: Row, after: int, days: int) -> float:
    """Chance of being won within so many days, from the deals at the level that speaks."""
    company, _ = incidence([(deal.days, deal.left_to) for deal in every], "next")

    def pace(age: int) -> int:
        if age >= len(company):
            return 4
        return min(1 + int(4 * sum(company[:age]) / sum(company) + 1e-9), 4)

    own = [
        deal
        for deal in every
        if kind["level_segment"] in ("*", deal.segment)
        and kind["level_deal_type"] in ("*", deal.deal_type)
    ]
    leaving, there = incidence([(deal.days, deal.left_to) for deal in own], "next")

    def won_after(speed: int) -> list[float]:
        gone = [deal for deal in own if deal.left_to == "next"]
        for group in ([deal for deal in gone if pace(deal.days) == speed], gone):
            ends = [
                (deal.days_after, None if deal.outcome == "open" else deal.outcome)
                for deal in group
            ]
            won, _ = incidence(ends, "won") if ends else ([], [])
            if group is gone or (
                sum(end == "won" and day < len(won) for day, end in ends) >= ENOUGH
            ):
                return won
        raise AssertionError

    curves = {speed: won_after(speed) for speed in (1, 2, 3, 4)} if after != WON_STAGE else {}
    age = kind["age_days"]
    total = 0.0
    for later in range(age + 1, min(age + days + 1, len(leaving))):
        left = age + days - later
        onward = 1.0 if after == WON_STAGE else sum(curves[pace(later)][: left + 1])
        total += leaving[later] / there[age] * onward
    return total


def test_the_chances_of_open_deals_are_those_of_a_loop_over_deals(demo: Warehouse) -> None:
    stages = [
        row["stage_number"]
        for row in rows(
            demo,
            "select distinct stage_number from intermediate.int_opportunities__milestones "
            f"where stage_number between 2 and {WON_STAGE} order by 1",
        )
    ]
    compared = 0
    for stage, after in pairwise(stages):
        every = passages(demo, stage, after)
        kinds = rows(
            demo,
            f"select * from intermediate.int_outlook__kinds where stage_number = {stage} "
            "order by measured_level, segment, deal_type, age_days",
        )
        for kind in kinds[:: max(1, len(kinds) // 8)]:
            monthly = rows(
                demo,
                f"""
                select fiscal_month, won_share from intermediate.int_outlook__won_by
                where stage_number = {stage} and segment = '{kind["segment"]}'
                    and deal_type = '{kind["deal_type"]}' and age_days = {kind["age_days"]}
                """,
            )
            for row in monthly[:3]:
                month_end = (row["fiscal_month"] + timedelta(days=31)).replace(day=1)
                days = (month_end - AS_OF).days - 1
                expected = chance_by_hand(every, kind, after, days)
                assert row["won_share"] == pytest.approx(expected, abs=1e-9)
                compared += expected > 0
    assert compared > 50


# --- the distribution of a quarter's bookings ------------------------------------------------

QUARTERS = """
    select outlook.*, parts.variance, parts.shock_variance, parts.growth_variance, parts.largest_deal_amount,
        parts.largest_deal_probability, parts.largest_deal_growth_variance
    from marts.bookings_outlook as outlook
    inner join marts.bookings_variance as parts
        on outlook.fiscal_quarter = parts.fiscal_quarter
        and outlook.creation_basis = parts.creation_basis
        and outlook.segment is not distinct from parts.segment
"""


def mixture(row: Row, x: float) -> float:
    """Chance that no more than x comes, by the exact gamma distribution."""
    rest = float(row["open_expected_amount"] + row["creation_expected_amount"])
    if not row["is_one_deal_large"]:
        return float(stats.gamma.cdf(x, rest**2 / row["variance"], scale=row["variance"] / rest))
    deal, p = float(row["largest_deal_amount"]), row["largest_deal_probability"]
    v = row["largest_deal_growth_variance"]
    mean = rest - deal * p
    lost = row["variance"] - deal**2 * (p * (1 + v) - p * p)
    shares = [
        float(stats.gamma.cdf(x - shift, mean**2 / variance, scale=variance / mean))
        for shift, variance in ((0.0, lost), (deal, lost + deal**2 * v))
    ]
    return (1 - p) * shares[0] + p * shares[1]


def test_quantiles_and_chances_are_those_of_the_exact_gamma_distribution(demo: Warehouse) -> None:
    large = 0
    for row in rows(demo, QUARTERS):
        booked, std = float(row["booked_amount"]), float(row["std"])
        rest = float(row["open_expected_amount"] + row["creation_expected_amount"])
        assert std == pytest.approx(np.sqrt(row["variance"]))
        if std > rest:
            continue  # Wilson and Hilferty's approximation is not for those
        large += row["is_one_deal_large"]
        for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
            exact = optimize.brentq(lambda x, row=row, q=share: mixture(row, x) - q, 0.0, rest * 20)
            assert float(row[name]) - booked == pytest.approx(exact, abs=0.02 * std)
        if row["bookings_goal"] is not None and row["bookings_goal"] > row["booked_amount"]:
            hit = 1 - mixture(row, float(row["bookings_goal"]) - booked)
            assert row["p_hit"] == pytest.approx(hit, abs=0.005)
    assert large > 0


def test_a_simulation_of_every_deal_agrees_with_the_closed_form(demo: Warehouse) -> None:
    """A quarter of the company, from open deals and creation as it goes, drawn 20,000 times."""
    rng = np.random.default_rng(5)
    draws, quarter = 20_000, "FY2026-Q4"
    [row] = [
        row
        for row in rows(demo, QUARTERS)
        if (row["fiscal_quarter"], row["creation_basis"], row["cell_level"])
        == (quarter, "as_it_goes", "company")
    ]
    deals = rows(
        demo,
        f"""
        select deals.segment, deals.deal_type, cast(amount_if_won as double) as amount,
            cast(growth_variance as double) as v, cast(sum(win_probability) as double) as p
        from intermediate.int_outlook__open_deals as deals
        inner join intermediate.int_outlook__win_chances as chances
            using (segment, deal_type, stage_number, age_days)
        inner join intermediate.int_calendar as months on chances.fiscal_month = months.date_day
        where months.fiscal_quarter = '{quarter}'
        group by opportunity_key, 1, 2, 3, 4
        """,
    )
    total = np.zeros(draws)
    for deal in deals:
        won = rng.random(draws) < deal["p"]
        shape = np.log1p(deal["v"])
        growth = np.exp(np.sqrt(shape) * rng.standard_normal(won.sum()) - shape / 2)
        total[won] += deal["amount"] * growth
    total += _creation(demo, quarter, rng, draws)
    for group in _errors(demo, quarter):
        total += group * rng.standard_normal(draws)
    for variance in (row["shock_variance"], row["growth_variance"]):
        total += np.sqrt(variance) * rng.standard_normal(draws)

    booked = float(row["booked_amount"])
    expected = float(row["expected"]) - booked
    std = float(row["std"])
    assert total.mean() == pytest.approx(expected, abs=4 * std / np.sqrt(draws))
    assert total.std() == pytest.approx(std, rel=0.03)
    for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        assert np.quantile(total, share) == pytest.approx(float(row[name]) - booked, abs=0.1 * std)
    hits = (total >= float(row["bookings_goal"]) - booked).mean()
    assert hits == pytest.approx(row["p_hit"], abs=0.02)


def _creation(demo: Warehouse, quarter: str, rng: Generator, draws: int) -> Floats:
    spread = {
        (row["segment"], row["deal_type"]): row
        for row in rows(
            demo,
            "select *, power(won_amount_std_error, 2) * won_count / power(won_amount, 2) as v "
            "from intermediate.int_estimates__amounts where estimation_window = 'all_time' "
            "and cell_level in ('company', 'segment_deal_type')",
        )
    }
    cells = rows(
        demo,
        f"""
        select outlook.segment, outlook.deal_type, outlook.expected_count, outlook.expected_amount,
            (select max(trailing_count) from intermediate.int_outlook__creation_to_come as creation
            where creation.creation_basis = 'as_it_goes' and creation.segment = outlook.segment
                and creation.deal_type = outlook.deal_type and creation.territory = outlook.territory
                and creation.pipeline_source = outlook.pipeline_source) as trailing
        from marts.creation_outlook as outlook
        where fiscal_quarter = '{quarter}' and creation_basis = 'as_it_goes' and expected_count > 0
        """,
    )
    total = np.zeros(draws)
    for cell in cells:
        own = spread[cell["segment"], cell["deal_type"]]
        v = own["v"] if own["won_count"] >= 30 else spread["*", "*"]["v"]
        rate = rng.gamma(cell["trailing"], cell["expected_count"] / cell["trailing"], draws)
        wins = rng.poisson(rate)
        mean = cell["expected_amount"] / cell["expected_count"]
        amounts = rng.gamma(1 / v, mean * v, int(wins.sum()))
        np.add.at(total, np.repeat(np.arange(draws), wins), amounts)
    return total


def _errors(demo: Warehouse, quarter: str) -> list[float]:
    groups: dict[tuple[str, str], float] = defaultdict(float)
    for sql in (
        "select segment, deal_type, open_parameter_std as std "
        f"from intermediate.int_outlook__by_deal_type where fiscal_quarter = '{quarter}'",
        "select segment, deal_type, parameter_std as std from marts.creation_outlook "
        f"where fiscal_quarter = '{quarter}' and creation_basis = 'as_it_goes'",
    ):
        for row in rows(demo, sql):
            groups[row["segment"], row["deal_type"]] += row["std"]
    return list(groups.values())


# --- companies whose truth is known ----------------------------------------------------------

HISTORY, HORIZON = 900, 91
FIRST = date(2023, 10, 12)
TODAY = FIRST + timedelta(days=HISTORY)
"""30 March 2026: the months to come end after 1, 31, 62 and 92 days."""


@dataclass(frozen=True)
class Lives:
    """Deals of a company with two open stages, in days from the first; infinite for never."""

    qualified: Ints
    proposed: Floats
    closed: Floats
    is_won: NDArray[np.bool_]


def live(rng: Generator, deals: int) -> Lives:
    """Slow deals take long for the first step and are seldom won; every fourth ends before it."""
    qualified = np.sort(rng.integers(0, HISTORY, deals))
    is_slow = rng.random(deals) < 0.5
    step = np.ceil(rng.lognormal(np.where(is_slow, 3.6, 2.0), 0.6, deals))
    rest = np.ceil(rng.lognormal(3.2, 0.6, deals))
    advances = rng.random(deals) < 0.75
    is_won = advances & (rng.random(deals) < np.where(is_slow, 0.15, 0.6))
    closed = qualified + np.where(advances, step + rest, step)
    return Lives(
        qualified=qualified,
        proposed=np.where(advances, qualified + step, np.inf),
        closed=closed.astype(np.float64),
        is_won=is_won,
    )


def expected_and_won(lab: Lab, lives: Lives) -> tuple[float, float, int]:
    """Wins expected in the days to come of the deals open today, their variance, and those that came."""
    known = lives.closed <= HISTORY
    _give(lab, lives, known)
    lab.run(
        "int_estimates__curves",
        "int_outlook__growth",
        "int_outlook__open_deals",
        "int_outlook__curves",
        "int_outlook__passages",
        "int_outlook__onward",
        "int_outlook__kinds",
        "int_outlook__won_by",
        "int_outlook__win_chances",
    )
    [(expected, variance)] = lab.query(
        f"""
        with deals as (
            select sum(win_probability) as p from intermediate.int_outlook__open_deals
            inner join intermediate.int_outlook__win_chances
                using (segment, deal_type, stage_number, age_days)
            where fiscal_month < date '{TODAY + timedelta(days=HORIZON)}'
            group by opportunity_key
        )
        select sum(p), sum(p * (1 - p)) from deals
        """
    )
    came = ~known & lives.is_won & (lives.closed <= HISTORY + HORIZON + 1)
    return float(expected), float(variance), int(came.sum())


def _give(lab: Lab, lives: Lives, known: NDArray[np.bool_]) -> None:
    key = np.arange(len(known))
    start = np.datetime64(FIRST)
    outcome = np.where(known, np.where(lives.is_won, "won", "lost"), "open").astype(object)
    left = np.where(known, lives.closed, HISTORY).astype(np.int64)
    at_3 = np.minimum(lives.proposed, HISTORY + 1).astype(np.int64)
    went = at_3 <= HISTORY
    won = known & lives.is_won
    steps = [
        (2, 3, lives.qualified, np.where(went, at_3, left), np.where(went, 1, np.where(known, 2, 0)), key >= 0),
        (2, WON_STAGE, lives.qualified, left, np.where(won, 1, np.where(known, 2, 0)), key >= 0),
        (3, WON_STAGE, at_3, left, np.where(won, 1, np.where(known, 2, 0)), went),
    ]  # fmt: skip
    columns: dict[str, Any] = {
        name: np.concatenate(values)
        for name, values in {
            "from_stage": [np.full(use.sum(), a) for a, _, _, _, _, use in steps],
            "to_stage": [np.full(use.sum(), b) for _, b, _, _, _, use in steps],
            "entered_on": [start + entered[use] for _, _, entered, _, _, use in steps],
            "left_on": [start + gone[use] for _, _, _, gone, _, use in steps],
            "cause": [cause[use] for _, _, _, _, cause, use in steps],
        }.items()
    }
    lab.table("int_estimates__spells", columns=columns | {"cell_key": 1})
    lab.table(
        "int_opportunities__current",
        columns={
            "opportunity_key": key,
            "outcome": outcome,
            "qualified_at": start + lives.qualified,
            "closed_at": start + left,
            "amount": 100,
        },
    )
    cell = dict.fromkeys(("segment", "deal_type", "territory", "pipeline_source"), "x")
    lab.table(
        "int_opportunities__attributed",
        columns={"opportunity_key": key, "cell_key": 1, **cell, "custom_dimension": "all"},
    )
    lab.table("int_cells", rows=[{"cell_key": 1, **cell, "custom_dimension": "all"}])
    lab.table(
        "int_opportunities__milestones",
        columns={
            "opportunity_key": np.concatenate([key, key[went]]),
            "stage_number": np.concatenate([np.full(len(key), 2), np.full(went.sum(), 3)]),
            "reached_at": start + np.concatenate([lives.qualified, at_3[went]]),
        },
    )
    known_before = TODAY + timedelta(days=1)
    lab.table("int_as_of", rows=[{"as_of_date": TODAY, "known_before": known_before}])
    lab.table(
        "int_estimates__windows",
        rows=[
            {
                "window_kind": "planning",
                "estimation_window": "all_time",
                "starts_on": date(2000, 1, 1),
                "ends_before": known_before,
            }
        ],
    )
    lab.empty(
        "int_opportunities__activity", "int_opportunities__versioned", "int_seasonality__indices"
    )
    lab.seed("cell_levels")
    lab.run("int_calendar")


def test_as_many_open_deals_are_won_as_is_expected_though_slow_ones_win_less(
    compiled: CompiledModels,
) -> None:
    rng = np.random.default_rng(20)
    found = []
    for _ in range(25):
        with compiled().lab() as lab:
            found.append(expected_and_won(lab, live(rng, 2500)))
    expected, variance, came = np.array(found, dtype=np.float64).T
    error = expected - came
    std_error = error.std(ddof=1) / np.sqrt(len(error))
    assert abs(error.mean()) < 2.5 * std_error
    assert std_error < 0.04 * came.mean()
    # and they scatter as chance has it, and a little more for what the curves do not know
    assert 0.7 < np.sqrt(np.mean(error**2 / variance)) < 1.4
