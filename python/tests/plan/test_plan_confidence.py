"""The p80 form of a target against simulation, and against what must hold of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from plan_builders import SMB, assumptions_from, certain
from reverse_funnel.plan.confidence import (
    NewBookings,
    Outlook,
    group_of,
    loaded_goals,
    make_outlook,
    new_bookings,
    simulate,
)
from reverse_funnel.plan.model import Confidence, Estimate, GoalCell, OpenRisk, Timeline

ONE = (1, 1)


def outlook(**figures: float) -> Outlook:
    """One group and period: 40 deals to be won of those still to be created, unless told otherwise."""
    usual = {
        "goal": 40.0,
        "booked": 0.0,
        "open_mean": 0.0,
        "open_variance": 0.0,
        "largest": 0.0,
        "largest_probability": 0.0,
        "new_mean": 40.0,
        "new_variance": 40.0,
        "new_error": 0.0,
        "new_wins": 40.0,
        "shock": 0.0,
    }
    values = {**usual, **figures}
    shock = values.pop("shock")
    return Outlook(**{name: np.full(ONE, value) for name, value in values.items()}, shock=shock)


def test_kelloggs_quarter_is_won_with_the_published_chance() -> None:
    """§2.15: mean 42.83, process sd 6.4, parameter sd 4.5: P(at least 40 deals) = 0.665.

    Deals are whole: at least 40 is above 39.5.
    """
    quarter = outlook(new_mean=42.83, new_wins=42.83, new_variance=6.4**2, new_error=4.5, goal=39.5)
    normal = stats.norm.sf(39.5, 42.83, np.hypot(6.4, 4.5))
    assert normal == pytest.approx(0.665, abs=0.0005)
    assert quarter.chance()[0, 0] == pytest.approx(normal, abs=0.025)


def test_nine_percent_more_creation_makes_it_four_in_five() -> None:
    """§2.15 has + 9 % for Kellogg's quarter, with its mean and deviations."""
    quarter = outlook(new_mean=42.83, new_wins=42.83, new_variance=6.4**2, new_error=4.5)
    needed = quarter.mean_needed(0.8)[0, 0] / 42.83
    assert needed == pytest.approx(1.09, abs=0.02)


@given(
    booked=st.floats(0, 60),
    open_mean=st.floats(0, 40),
    new=st.floats(1, 80),
    level=st.floats(0.55, 0.95),
)
@settings(max_examples=40, deadline=None)
def test_the_mean_needed_is_as_likely_as_asked(
    booked: float, open_mean: float, new: float, level: float
) -> None:
    quarter = outlook(
        booked=booked, open_mean=open_mean, open_variance=open_mean, new_mean=new, shock=0.05
    )
    needed = quarter.mean_needed(level)
    lacking = max(40 - booked - open_mean, 0.0)
    assert needed[0, 0] >= lacking
    if needed[0, 0] > lacking + 1e-9:
        unit = needed[0, 0] / new
        met = replace(
            quarter, new_mean=needed, new_variance=quarter.new_variance * unit, new_error=needed * 0
        )
        assert met.chance()[0, 0] == pytest.approx(level, abs=1e-4)


def test_a_goal_that_is_booked_is_certain_and_needs_nothing() -> None:
    quarter = outlook(booked=41.0, new_mean=0.0, new_variance=0.0)
    assert quarter.chance()[0, 0] == 1.0
    assert quarter.mean_needed(0.8)[0, 0] == 0.0


def test_gamma_and_simulation_agree_where_both_hold() -> None:
    quarter = outlook(
        goal=100.0,
        open_mean=45.0,
        open_variance=120.0,
        largest=15.0,
        largest_probability=0.5,
        new_mean=50.0,
        new_variance=50.0 * 2 * 1.8,
        new_error=4.0,
        new_wins=25.0,
        shock=0.05,
    )
    drawn = simulate(quarter, 0, 0, 50.0, draws=200_000)
    mean, deviation = 95.0, np.sqrt(120 + 180 + 16 + (0.05 * 95) ** 2)
    assert drawn.mean() == pytest.approx(mean, rel=0.005)
    assert drawn.std() == pytest.approx(deviation, rel=0.02)
    assert np.mean(drawn >= 100) == pytest.approx(quarter.chance()[0, 0], abs=0.01)
    shape = (mean / deviation) ** 2
    for level in (0.1, 0.5, 0.9):
        gamma = stats.gamma.ppf(level, shape, scale=mean / shape)
        assert np.quantile(drawn, level) == pytest.approx(gamma, rel=0.015)


def test_one_deal_that_decides_the_quarter_is_simulated() -> None:
    # 60 is won or not; without it nothing reaches 80, with it almost anything does.
    quarter = outlook(
        goal=80.0,
        open_mean=30.0,
        open_variance=60.0**2 * 0.25,
        largest=60.0,
        largest_probability=0.5,
        new_mean=40.0,
        new_variance=40.0,
    )
    assert quarter.has_large_deal[0, 0] == 1
    assert quarter.chance()[0, 0] == pytest.approx(0.5, abs=0.02)
    small = replace(quarter, largest=np.full(ONE, 10.0))
    assert small.has_large_deal[0, 0] == 0
    assert small.chance()[0, 0] < 0.42


def test_new_bookings_are_the_moments_of_simulated_deals() -> None:
    company = assumptions_from(
        goal_index=[0, 0], mix=[0.5, 0.5], win_rate=[0.4, 0.2], won_amount=[10.0, 50.0], lag=[1, 2]
    )
    company = replace(company, won_amount_variation=np.array([0.5, 0.8]))
    created = np.zeros((2, 6))
    created[:, 0] = [30, 20]
    timeline = Timeline(first_month=0, period=np.arange(6) // 3)
    found = new_bookings(company, timeline, created)
    rng = np.random.default_rng(5)
    total = np.zeros(40_000)
    for n, rate, amount, spread in ((30, 0.4, 10.0, 0.5), (20, 0.2, 50.0, 0.8)):
        won = rng.random((40_000, n)) < rate
        sizes = rng.gamma(1 / spread**2, amount * spread**2, (40_000, n))
        total += (won * sizes).sum(axis=1)
    assert found.mean[0, 0] == pytest.approx(30 * 4 + 20 * 10)
    assert found.mean[0, 0] == pytest.approx(total.mean(), rel=0.01)
    assert found.variance[0, 0] == pytest.approx(total.var(), rel=0.03)
    assert found.wins[0, 0] == pytest.approx(16.0)
    assert not found.mean[0, 1]


def test_cells_of_one_segment_err_together_and_others_do_not() -> None:
    cells = (
        GoalCell("smb", "new", "emea"),
        GoalCell("smb", "new", "apac"),
        GoalCell("smb", "upsell", "emea"),
    )
    each = np.ones((3, 1))
    new = NewBookings(mean=each, variance=each, parameter_error=each, wins=each)
    none = OpenRisk(*(np.zeros((3, 1)) for _ in range(4)))
    found = make_outlook(each, each, none, new, group_of(cells, "company"), cells, 0.0)
    assert found.new_error[0, 0] == pytest.approx(np.sqrt(2**2 + 1))
    assert group_of(cells, "segment_deal_type").tolist() == [0, 0, 1]
    assert len(set(group_of(cells, "goal_cell").tolist())) == 3


def test_who_is_less_sure_of_its_rates_needs_more() -> None:
    company = assumptions_from(
        goal_index=[0], mix=[1.0], win_rate=[0.25], won_amount=[10.0], lag=[1]
    )
    unsure = replace(
        company,
        win_rate=Estimate(np.array([0.25]), np.array([0.15]), np.array([0.37])),
        won_amount=certain([10.0]),
    )
    created = np.full((1, 6), 40.0)
    timeline = Timeline(first_month=0, period=np.arange(6) // 3)
    sure, guess = (new_bookings(each, timeline, created) for each in (company, unsure))
    assert not sure.parameter_error.any()
    error = (0.37 - 0.15) / (2 * 1.959964) / 0.25
    np.testing.assert_allclose(guess.parameter_error, error * guess.mean)


def test_loaded_goals_are_nowhere_less_and_add_up_to_what_the_group_needs() -> None:
    goals = np.array([[10.0, 20, 30, 10, 20, 30], [5.0, 5, 5, 5, 5, 5]])
    timeline = Timeline(first_month=0, period=np.arange(6) // 3)
    groups = group_of((SMB.goal_cell, SMB.goal_cell._replace(segment="x")), "company")
    group = Outlook(
        goal=np.array([[75.0, 75.0]]),
        booked=np.zeros((1, 2)),
        open_mean=np.array([[20.0, 0.0]]),
        open_variance=np.array([[20.0, 0.0]]),
        largest=np.zeros((1, 2)),
        largest_probability=np.zeros((1, 2)),
        new_mean=np.array([[55.0, 75.0]]),
        new_variance=np.array([[110.0, 150.0]]),
        new_error=np.zeros((1, 2)),
        new_wins=np.array([[55.0, 75.0]]),
        shock=0.0,
    )
    stands = np.zeros((2, 6))
    stands[0, 0] = 20.0
    loaded = loaded_goals(goals, group, groups, stands, timeline, Confidence())
    assert (loaded >= goals).all()
    extra = (loaded - goals).reshape(2, 2, 3).sum(axis=2)
    needed = group.booked + group.open_mean + group.mean_needed(0.8) - group.goal
    np.testing.assert_allclose(extra.sum(axis=0), needed[0])
    # In proportion to what each has to create for: 40 and 15, then 60 and 15.
    np.testing.assert_allclose(extra[0] / extra[1], [40 / 15, 4.0])
    # A quarter that is over stays as it is.
    later = replace(timeline, first_free=3)
    loaded = loaded_goals(goals, group, groups, stands, later, Confidence())
    np.testing.assert_array_equal(loaded[:, :3], goals[:, :3])
    assert (loaded[:, 3:] > goals[:, 3:]).all()
