"""One lever at a time: the published four-lever case, and what each lever must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from plan_builders import AS_OF, SMB, SMB_OUTBOUND, goal_lines, mart_rows, write_seeds
from reverse_funnel.errors import InputError
from reverse_funnel.plan.assumptions import read_assumptions
from reverse_funnel.plan.goals import read_goals
from reverse_funnel.plan.levers import (
    Change,
    Scenario,
    apply,
    factor_that_reaches,
    parse_change,
    parse_mix,
    what_if,
    what_you_need_to_believe,
)
from reverse_funnel.plan.make import PlanSettings, Problem, pose
from reverse_funnel.plan.months import month_of
from reverse_funnel.plan.standing import Created, StandingBook


def problem(
    folder: Path, goal: float, *, win_rate: float = 0.25, amount: float = 28_500.0
) -> Problem:
    """128 opportunities a year in two sources, 25 % of them won at 28,500 at once, as in X-10."""
    given = {"win_rate": win_rate, "won_amount": amount, "days_qualified_to_won": 0.0}
    cells = {
        SMB: {**given, "source_mix": 0.75},
        SMB_OUTBOUND: {**given, "source_mix": 0.25},
    }
    goals = read_goals(
        write_seeds(folder, goal_lines([round(goal / 12, 2)] * 12)),
        corporate_currency="USD",
        plan_dimensions=PlanSettings().plan_dimensions,
    ).in_force(AS_OF)
    start = month_of(date(2025, 1, 1))
    created = {
        (cell, start + month): Created(96 / 12 * share, 0.0)
        for cell, share in ((SMB, 0.75), (SMB_OUTBOUND, 0.25))
        for month in range(12)
    }
    rows = mart_rows(cells)
    return pose(
        goals, read_assumptions(lambda _: rows), PlanSettings(), StandingBook(created=created)
    )


def test_the_four_levers_are_the_published_ones(tmp_path: Path) -> None:
    """X-12: 96 resolved, 24 won at 28,500; 800k take 28 wins: 112 resolved, 29.2 % or 33,333."""
    beliefs = {
        belief.lever: belief for belief in what_you_need_to_believe(problem(tmp_path, 800_000))
    }
    found = {
        lever: belief.now * belief.factor
        for lever, belief in beliefs.items()
        if belief.factor is not None
    }
    assert found["volume"] == pytest.approx(112.3, abs=0.05)
    assert found["win_rate"] == pytest.approx(0.2924, abs=0.0001)
    assert found["amount"] == pytest.approx(33_333, abs=1)
    # 74 days of cycle would have to be 63; but what is won at once cannot be won sooner.
    assert beliefs["cycle"].factor is None
    assert pytest.approx(63, abs=0.5) == 74 / 1.1696


def test_a_scenario_moves_bookings_by_its_lever(tmp_path: Path) -> None:
    company = problem(tmp_path, 684_000)
    for scenario, factor in (
        (Scenario(amount=Change(factor=1.05)), 1.05),
        (Scenario(volume=Change(factor=0.9)), 0.9),
        (Scenario(win_rate=Change(points=0.05)), 1.2),
        (Scenario(), 1.0),
    ):
        found = what_if(company, scenario)
        np.testing.assert_allclose(found.changed_bookings, found.bookings * factor, rtol=1e-9)


def test_what_is_won_more_often_has_to_be_created_less(tmp_path: Path) -> None:
    found = what_if(problem(tmp_path, 684_000), Scenario(win_rate=Change(factor=1.25)))
    assert found.changed_needed.sum() == pytest.approx(found.needed.sum() / 1.25, rel=0.01)


def test_a_mix_gives_named_sources_their_share_and_leaves_the_rest(tmp_path: Path) -> None:
    company = problem(tmp_path, 684_000)
    changed = apply(company.assumptions, Scenario(mix={"ae_outbound": 0.4}))
    by_source = {
        cell.pipeline_source: share
        for cell, share in zip(changed.cells, changed.mix.value, strict=True)
    }
    assert by_source == pytest.approx({"ae_outbound": 0.4, "marketing": 0.6})


def test_a_shorter_cycle_books_earlier_and_no_more(tmp_path: Path) -> None:
    company = problem(tmp_path, 684_000)
    slow = replace(
        company,
        assumptions=replace(company.assumptions, kernel=np.tile([0.0, 0.2, 0.3, 0.3, 0.2], (2, 1))),
    )
    faster = apply(slow.assumptions, Scenario(cycle=Change(factor=0.8)))
    np.testing.assert_allclose(faster.kernel.sum(axis=1), 1.0)
    found = what_if(slow, Scenario(cycle=Change(factor=0.8)))
    assert (np.cumsum(found.changed_bookings) >= np.cumsum(found.bookings) - 1e-6).all()
    assert found.changed_bookings.sum() > found.bookings.sum()


def test_bisection_finds_the_factor_and_says_where_there_is_none() -> None:
    assert factor_that_reaches(lambda factor: 100 * factor, 150) == pytest.approx(1.5)
    assert factor_that_reaches(lambda factor: 100 / factor, 150, falling=True) == pytest.approx(
        2 / 3
    )
    assert factor_that_reaches(lambda _: 100.0, 150) is None


@pytest.mark.parametrize(
    ("lever", "text", "change"),
    [
        ("win_rate", "+2pt", Change(points=0.02)),
        ("win_rate", "-10%", Change(factor=0.9)),
        ("amount", "5 %", Change(factor=1.05)),
    ],
)
def test_changes_are_read(lever: str, text: str, change: Change) -> None:
    assert parse_change(lever, text) == change


@pytest.mark.parametrize(
    ("lever", "text"),
    [("amount", "+2pt"), ("amount", "-100%"), ("cycle", "faster"), ("volume", "")],
)
def test_other_changes_are_refused_with_an_example(lever: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_change(lever, text)
    assert "+5%" in caught.value.faults[0].remedy


def test_a_mix_of_unknown_sources_or_of_more_than_all_is_refused() -> None:
    sources = {"marketing", "plg"}
    assert parse_mix("marketing=40%, plg=5.5%", sources) == {"marketing": 0.4, "plg": 0.055}
    for text in ("inbound=40%", "marketing=0.4", "marketing=70%,plg=40%"):
        with pytest.raises(InputError):
            parse_mix(text, sources)
