"""The truth: recovered from the tables, consistent in itself, and free of the cut."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import pytest

from reverse_funnel.demo import config as values
from reverse_funnel.demo.company import build_company
from reverse_funnel.demo.simulation import build_setting, simulate
from reverse_funnel.demo.truth import (
    MONTH_DAYS,
    true_rates,
    win_cdf,
    win_kernel_by_age,
    win_kernel_by_calendar_month,
)

from .builders import Demo, make_demo

REACHED_2 = "('Qualified', 'Technical Fit', 'Evaluation', 'Proposal', 'Negotiation', 'Closed Won')"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """6000 opportunities over eleven years: most have had all the time they need."""
    return make_demo(
        tmp_path_factory.mktemp("long"),
        opportunities=6000,
        seed=3,
        first_month=date(2015, 9, 1),
        currencies=("USD",),
    )


def outcomes_by(demo: Demo, before: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Qualified and won by deal type and pipeline source, of deals qualified before a day."""
    source = "case lead_source " + " ".join(
        f"when '{raw}' then '{values.PIPELINE_SOURCES[code]}'"
        for raw, code in zip(
            values.LEAD_SOURCES, values.LEAD_SOURCE_TO_PIPELINE_SOURCE, strict=True
        )
    )
    rows = demo.rows(
        f"""
        with qualified as (
            select opportunity_id, min(created_date) as at from opportunity_history
            where stage_name in {REACHED_2} group by 1
        )
        select case when type = 'New Business' then 'new_business' else 'expansion' end,
            {source} end, count(*), sum(is_won::int)
        from opportunity o join qualified q on q.opportunity_id = o.id
        where not is_deleted and q.at < '{before}' group by 1, 2
        """
    )
    return {(deal_type, name): (n, won) for deal_type, name, n, won in rows}


def true_win_rates(truth: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Win rates by deal type and source, from the cells by their share of the qualified."""
    weight: dict[tuple[str, str], float] = defaultdict(float)
    won: dict[tuple[str, str], float] = defaultdict(float)
    for cell in truth["cells"]:
        key = (cell["deal_type"], cell["pipeline_source"])
        rates = cell["rates"]
        share = cell["share_of_creation"]
        share *= rates["0_to_1"]["ultimate"] * rates["1_to_2"]["ultimate"]
        weight[key] += share
        won[key] += share * rates["2_to_won"]["ultimate"]
    return {key: won[key] / weight[key] for key in weight}


def test_the_true_win_rate_is_recovered_from_old_cohorts(followed: Demo) -> None:
    found = outcomes_by(followed, "2024-06-01")
    true = true_win_rates(followed.truth)
    total = sum(n for n, _ in found.values())
    won = sum(won for _, won in found.values())
    expected = sum(n * true[key] for key, (n, _) in found.items())
    assert total > 1500
    assert abs(won - expected) < 4 * np.sqrt(expected * (1 - expected / total))
    for key, (n, w) in found.items():
        rate = true[key]
        assert abs(w - n * rate) < 4 * np.sqrt(n * rate * (1 - rate)) + 1, key


def test_recent_cohorts_look_worse_than_they_are(followed: Demo) -> None:
    old = sum(w for _, w in outcomes_by(followed, "2024-06-01").values())
    all_won = sum(w for _, w in outcomes_by(followed, "2027-01-01").values())
    recent = followed.one(
        f"""
        with qualified as (select opportunity_id, min(created_date) as at
            from opportunity_history where stage_name in {REACHED_2} group by 1)
        select count(*), sum(is_won::int) from opportunity o
        join qualified q on q.opportunity_id = o.id
        where not is_deleted and q.at >= '2026-06-15'
        """
    )
    assert all_won > old
    assert recent[1] / recent[0] < 0.6 * all_won / sum(
        n for n, _ in outcomes_by(followed, "2027-01-01").values()
    )


def test_the_stages_before_are_reached_at_their_true_rates(followed: Demo) -> None:
    totals = dict.fromkeys(("kept", "met", "qualified", "true_met", "true_qualified"), 0.0)
    for cell in followed.truth["cells"]:
        made = cell["generated"]
        kept = made["created"] - made["deleted"]
        rates = cell["rates"]
        totals["kept"] += kept
        totals["met"] += made["ultimate_reached_1"]
        totals["qualified"] += made["ultimate_qualified"]
        totals["true_met"] += kept * rates["0_to_1"]["ultimate"]
        totals["true_qualified"] += made["ultimate_reached_1"] * rates["1_to_2"]["ultimate"]
    for name, of in (("met", "kept"), ("qualified", "met")):
        expected = totals[f"true_{name}"]
        error = np.sqrt(expected * (1 - expected / totals[of]))
        assert abs(totals[name] - expected) < 4 * error, name


def test_every_stage_is_reached_at_its_true_rate_by_lives_lived_to_the_end() -> None:
    setting = build_setting(values.DemoConfig(opportunities=40_000, seed=11))
    deals = next(simulate(setting)).deals
    lives, cell = deals.lives, deals.cell
    rates = true_rates(setting.company)
    won_at = np.where(lives.outcome == values.WON, lives.closed, np.inf)
    for name in rates.ultimate:
        start, end = name.split("_to_")
        begun = lives.stage_at[:, int(start)]
        ended = won_at if end == "won" else lives.stage_at[:, int(end)]
        here = np.isfinite(begun)
        waited = ended[here] - begun[here]
        for limit, true in ((np.inf, rates.ultimate), (365.0, rates.within_year)):
            happened = (waited < limit).sum() if limit == np.inf else (waited <= limit).sum()
            expected = true[name][cell[here]].sum()
            error = np.sqrt(expected * (1 - expected / here.sum()))
            assert abs(happened - expected) < 4 * error, (name, limit)


def test_rates_multiply_to_the_whole_and_a_year_is_not_a_lifetime() -> None:
    company = build_company()
    rates = true_rates(company)
    product = np.prod([rates.ultimate[f"{k}_to_{k + 1}"] for k in (2, 3, 4)], axis=0)
    np.testing.assert_allclose(product * rates.ultimate["5_to_won"], company.win.ravel())
    for name, ultimate in rates.ultimate.items():
        assert ((rates.within_year[name] > 0) & (rates.within_year[name] <= ultimate + 1e-9)).all()


def test_kernels_add_up_to_the_share_won_by_their_end() -> None:
    company = build_company()
    by_age = win_kernel_by_age(company, 36)
    by_calendar = win_kernel_by_calendar_month(company, 36)
    end = win_cdf(company, np.array([36 * MONTH_DAYS]))[:, 0]
    np.testing.assert_allclose(by_age.sum(axis=1), end)
    assert (by_age >= 0).all()
    assert (by_calendar >= 0).all()
    # A calendar month of qualification is half a month older on average.
    lag = by_calendar @ np.arange(36) / by_calendar.sum(axis=1)
    age = by_age @ (np.arange(36) + 0.5) / by_age.sum(axis=1)
    np.testing.assert_allclose(lag, age, atol=0.06)


def test_the_calendar_changes_when_deals_are_won_by_days_on_average() -> None:
    setting = build_setting(values.DemoConfig(opportunities=40_000, seed=2))
    deals = next(simulate(setting)).deals
    company = setting.company
    won = deals.lives.outcome == values.WON
    days = deals.lives.closed[won] - deals.lives.qualified[won]
    true_mean = company.median_win.ravel()[deals.cell[won]] * np.exp(0.62**2 / 2)
    error = 4 * days.std() / np.sqrt(won.sum())
    assert abs(days.mean() - true_mean.mean()) < 2 + error


def test_the_company_is_calibrated_like_a_saas_company(demo: Demo) -> None:
    new = [cell for cell in demo.truth["cells"] if cell["deal_type"] == "new_business"]
    wins = [cell["rates"]["2_to_won"]["ultimate"] for cell in new]
    assert 0.15 < min(wins) < max(wins) < 0.36
    by_segment = {
        segment: np.mean([c["median_days"]["2_to_won"] for c in new if c["segment"] == segment])
        for segment in values.SEGMENTS
    }
    assert 45 <= by_segment["smb"] <= 60
    assert 80 <= by_segment["mid_market"] <= 100
    assert 130 <= by_segment["enterprise"] <= 160
    for cell in demo.truth["cells"]:
        assert 1.04 < cell["amount_growth"] < 1.31
    assert sum(cell["share_of_creation"] for cell in demo.truth["cells"]) == pytest.approx(1)
    assert len(demo.truth["cells"]) == values.N_CELLS


def test_amounts_are_true_on_average() -> None:
    setting = build_setting(values.DemoConfig(opportunities=40_000, seed=4))
    deals = next(simulate(setting)).deals
    company = setting.company
    qualified = np.isfinite(deals.lives.qualified)
    won = deals.lives.outcome == values.WON
    for chosen, amounts, true in (
        (qualified, deals.at_qualification, company.amount),
        (won, deals.at_close, company.won_amount),
    ):
        ratio = amounts[chosen] / true.ravel()[deals.cell[chosen]]
        assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(chosen.sum())


def test_the_totals_are_those_of_the_tables(demo: Demo) -> None:
    months = {row["month"]: row for row in demo.truth["totals"]["months"]}
    won = demo.rows(
        "select strftime(date_trunc('month', close_date), '%Y-%m-%d'), count(*) "
        "from opportunity where is_won and not is_deleted group by 1"
    )
    assert dict(won) == {
        month: row["won_count"] for month, row in months.items() if row["won_count"]
    }
    qualified = demo.rows(
        f"""
        with first as (
            select opportunity_id, min(created_date) as at from opportunity_history
            where stage_name in {REACHED_2} group by 1
        )
        select strftime(date_trunc('month', first.at), '%Y-%m-%d'), count(*) from first
        join opportunity o on o.id = first.opportunity_id where not is_deleted group by 1
        """
    )
    assert dict(qualified) == {
        month: row["qualified_count"] for month, row in months.items() if row["qualified_count"]
    }
    outcomes = demo.truth["totals"]["outcomes_as_of"]
    assert outcomes == demo.summary.outcomes
    assert sum(outcomes.values()) == 3000
    grouped: dict[str, float] = defaultdict(float)
    for row in demo.truth["totals"]["months_by_segment_deal_type_territory"]:
        grouped[row["month"]] += row["won_amount"]
    for month, row in months.items():
        assert grouped[month] == pytest.approx(row["won_amount"], abs=0.5)


def test_the_totals_are_those_of_the_tables_in_money(followed: Demo) -> None:
    months = followed.truth["totals"]["months"]
    won = followed.one("select sum(amount) from opportunity where is_won and not is_deleted")
    assert float(won) == pytest.approx(sum(row["won_amount"] for row in months))
    created = followed.one(
        f"""
        with steps as (
            select h.*, min(h.created_date) filter (h.stage_name in {REACHED_2})
                over (partition by opportunity_id) as since
            from opportunity_history h
        ),
        known as (
            select opportunity_id, arg_min(amount, (created_date, id)) as amount from steps
            where created_date >= since and created_date < since + interval 7 day
                and amount is not null and stage_name in {REACHED_2} group by 1
        )
        select sum(k.amount) from known k join opportunity o on o.id = k.opportunity_id
        where not o.is_deleted
        """
    )
    assert float(created) == pytest.approx(sum(row["qualified_amount"] for row in months), rel=0.01)


def test_creation_grows_by_a_fifth_a_year(demo: Demo) -> None:
    share = {row["month"]: row["share"] for row in demo.truth["creation"]["months"]}
    assert share["2025-03-01"] / share["2024-03-01"] == pytest.approx(1.2)
    assert sum(share.values()) == pytest.approx(1)
    assert np.mean(demo.truth["creation"]["season_by_calendar_month"]) == pytest.approx(1)
    made = dict(demo.rows("select year(created_date), count(*) from opportunity group by 1"))
    assert 1.05 < made[2025] / made[2024] < 1.4


def test_leads_convert_at_their_true_rate(followed: Demo) -> None:
    n, converted = followed.one(
        "select count(*), sum(is_converted::int) from lead "
        "where lead_source in ('Website', 'Webinar', 'Trade Show') "
        "and created_date < '2025-06-01'"
    )
    rate = followed.truth["leads"]["ever_converted_by_pipeline_source"]["marketing"]
    assert abs(converted - n * rate) < 4 * np.sqrt(n * rate)
