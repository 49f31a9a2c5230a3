"""The solver through a distribution: published behaviour, and what must hold whatever the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan_builders import assumptions_from
from reverse_funnel.plan.distribution import Steadiness, _roughness, distribution
from reverse_funnel.plan.kernels import delta_kernel
from reverse_funnel.plan.model import (
    CellAssumptions,
    Creation,
    Standing,
    Timeline,
    UpstreamStep,
)
from reverse_funnel.plan.solve import fixed_lag, forward, upstream_count
from reverse_funnel.plan.sums import by_period

# Kellogg's twelve cohorts: percent won in the quarter of creation, the next, and so on.
COHORTS = [
    [0, 4, 6, 2, 4, 2, 0],
    [2, 4, 8, 4, 2, 0, 0],
    [2, 0, 6, 6, 2, 4, 0],
    [0, 2, 10, 2, 0, 0, 0],
    [2, 4, 8, 4, 2, 0, 0],
    [4, 2, 4, 6, 2, 2, 0],
    [2, 2, 6, 4, 2, 0],
    [2, 4, 8, 0, 2],
    [0, 4, 6, 2],
    [2, 4, 8],
    [0, 4],
    [2],
]
BY_QUARTER = np.array(
    [np.mean([row[lag] for row in COHORTS if len(row) > lag]) / 100 for lag in range(7)]
)
LONG_AGO = 12


def kelloggs(won_amount: float = 1.0) -> CellAssumptions:
    one = assumptions_from(
        goal_index=[0],
        mix=[1.0],
        win_rate=[BY_QUARTER.sum()],
        won_amount=[won_amount],
        lag=[0],
    )
    return replace(one, kernel=(BY_QUARTER / BY_QUARTER.sum())[np.newaxis])


def after_a_steady_past(goals: np.ndarray, assumptions: CellAssumptions) -> Standing:
    """What stands when creation has so far served the first period's goal for ever."""
    past = np.full((1, LONG_AGO), goals[0, 0] / assumptions.yield_per_opportunity[0])
    bookings = np.zeros_like(goals)
    tail = forward(past, assumptions)[:, LONG_AGO:]
    bookings[:, : tail.shape[1]] = tail
    return standing(bookings)


def standing(bookings: np.ndarray, cells: int = 1, **more: np.ndarray) -> Standing:
    nothing = np.zeros((cells, bookings.shape[1]))
    return Standing(
        bookings=bookings,
        booked=np.zeros_like(bookings),
        created=more.pop("created", nothing),
        created_amount=nothing,
        **more,
    )


def attainment(goals: np.ndarray, closing: Sequence[float] = (1.0, 1.0, 1.0, 1.0)) -> np.ndarray:
    """By quarter of Kellogg's company, its creation solved for; `closing` is its season."""
    assumptions = replace(kelloggs(), closing=np.tile(closing, 3)[np.newaxis])
    creation = distribution(
        goals,
        assumptions,
        goals.shape[1] - 8,
        timeline=Timeline(first_month=0, period=np.arange(goals.shape[1]), length=1),
        standing=after_a_steady_past(goals, assumptions),
    )
    return (creation.bookings / goals)[0]


def fixed_lag_attainment(goals: np.ndarray, years: int) -> np.ndarray:
    """By quarter, where each quarter's goal is served by creation two quarters earlier."""
    assumptions = kelloggs()
    lagged = replace(assumptions, kernel=delta_kernel(np.array([2.0])))
    count = fixed_lag(goals, lagged, goals.shape[1] - 2).count
    return (forward(count, assumptions)[:, : count.shape[1]] / goals[:, : count.shape[1]])[0][
        4 * years :
    ]


def test_kelloggs_kernel_is_the_published_one() -> None:
    np.testing.assert_allclose(100 * BY_QUARTER, [1.5, 3.1, 7.0, 3.3, 2.0, 1.1, 0.0], atol=0.05)
    assert 100 * BY_QUARTER.sum() == pytest.approx(18.07, abs=0.005)
    assert BY_QUARTER @ np.arange(7) / BY_QUARTER.sum() == pytest.approx(2.26, abs=0.005)


def test_kelloggs_plan_closes_the_published_deals() -> None:
    """X-03: 325, 225, 250, 225, 200, 175, 150 opportunities close 42.8 deals in the first quarter."""
    generated = np.array([150.0, 175, 200, 225, 250, 225, 325])
    closed = forward(generated[np.newaxis], kelloggs())[0, 6]
    assert closed == pytest.approx(42.8, abs=0.05)
    assert 5_000_000 / 125_000 == 40


def test_a_plan_by_one_lag_reaches_back_as_kelloggs_does() -> None:
    """X-02: deals of the fourth quarter are SALs of the second, and MQLs of the first."""
    quarters = replace(kelloggs(), kernel=delta_kernel(np.array([2.0])))
    goals = np.zeros((1, 8))
    goals[0, 3] = 100.0
    sals = fixed_lag(goals, quarters, 6).count
    assert np.flatnonzero(sals[0]).tolist() == [1]
    one_quarter = UpstreamStep(
        name="lead", per_qualified=np.array([4.0]), kernel=delta_kernel(np.array([1.0]))
    )
    mqls = upstream_count(sals, one_quarter, 5)
    assert np.flatnonzero(mqls[0]).tolist() == [0]
    assert mqls[0, 0] == pytest.approx(4 * sals[0, 1])


def test_a_fixed_lag_misses_seasonal_goals_by_a_fifth() -> None:
    goals = np.tile([0.80, 0.95, 1.00, 1.25], 8)[np.newaxis] * 50
    found = fixed_lag_attainment(goals, years=3)[:4]
    np.testing.assert_allclose(100 * found, [120, 104, 101, 83], atol=0.7)


def test_a_fixed_lag_is_harmless_where_goals_grow_evenly() -> None:
    goals = 45 * 1.08 ** np.arange(30)[np.newaxis]
    np.testing.assert_allclose(fixed_lag_attainment(goals, years=3)[:4], 0.985, atol=0.002)


def test_a_step_of_half_is_missed_only_where_it_cannot_be_met() -> None:
    goals = np.full((1, 32), 45.0)
    goals[:, 8:] *= 1.5
    found = attainment(goals)[:22]
    around = found[7:9]
    assert (around > 0.92).all()
    assert (around < 1.12).all()
    np.testing.assert_allclose(np.delete(found, [7, 8]), 1.0, atol=0.025)


def test_a_season_that_closing_shows_too_is_met_and_another_in_part() -> None:
    season = [0.80, 0.95, 1.00, 1.25]
    goals = np.tile(season, 9)[np.newaxis] * 50
    # Without the quarters in which the unseasonal past still wears off.
    np.testing.assert_allclose(attainment(goals, season)[8:24], 1.0, atol=0.01)
    np.testing.assert_allclose(100 * attainment(goals)[8:12], [117, 99, 104, 87], atol=0.7)


def test_goals_that_grow_evenly_are_met() -> None:
    found = attainment(45 * 1.08 ** np.arange(32)[np.newaxis])[:22]
    np.testing.assert_allclose(found[2:], 1.0, atol=0.005)
    np.testing.assert_allclose(found, 1.0, atol=0.025)


# --- whatever the numbers ---------------------------------------------------------------------------

MONTHS = 18


@st.composite
def companies(draw: st.DrawFn) -> CellAssumptions:
    """Draw one to three goal cells of one to three sources, each with a kernel and a season."""
    columns: dict[str, list[float]] = {name: [] for name in ("goal", "mix", "rate", "amount")}
    for goal in range(draw(st.integers(1, 3))):
        for weight in draw(st.lists(st.floats(0.1, 1.0), min_size=1, max_size=3)):
            columns["goal"].append(goal)
            columns["mix"].append(weight)
            columns["rate"].append(draw(st.floats(0.05, 0.9)))
            columns["amount"].append(draw(st.floats(1e3, 1e6)))
    cells = len(columns["goal"])
    drawn = assumptions_from(
        goal_index=[int(goal) for goal in columns["goal"]],
        mix=columns["mix"],
        win_rate=columns["rate"],
        won_amount=columns["amount"],
        lag=[0] * cells,
    )
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kernel = rng.dirichlet(np.ones(draw(st.integers(1, 8))), size=cells)
    season = np.tile(rng.uniform(0.5, 1.5, 12), (cells, 1))
    return replace(drawn, kernel=kernel, closing=season, creation=season[:, ::-1])


def span(assumptions: CellAssumptions) -> int:
    return MONTHS + 2 * assumptions.kernel.shape[1]


def solve(
    goals: np.ndarray,
    assumptions: CellAssumptions,
    stands: Standing | None = None,
    timeline: Timeline | None = None,
    **steadiness: float,
) -> Creation:
    count = goals.shape[1]
    return distribution(
        goals,
        assumptions,
        count,
        timeline=timeline or Timeline(first_month=0, period=np.arange(count) // 3),
        standing=stands or standing(np.zeros_like(goals), len(assumptions.cells)),
        steadiness=Steadiness(**steadiness),
    )


def goals_of(assumptions: CellAssumptions, seed: int) -> np.ndarray:
    shape = len(assumptions.goal_cells), span(assumptions)
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape) * 1e6


seeds = st.integers(0, 10**6)


@given(assumptions=companies(), seed=seeds)
@settings(max_examples=40, deadline=None)
def test_the_bookings_it_expects_are_those_of_its_creation(
    assumptions: CellAssumptions, seed: int
) -> None:
    goals = goals_of(assumptions, seed)
    creation = solve(goals, assumptions)
    simulated = forward(creation.count, assumptions)[:, : goals.shape[1]]
    np.testing.assert_allclose(creation.bookings, simulated, rtol=1e-9, atol=1e-3)
    assert (creation.count >= 0).all()


@given(assumptions=companies(), seed=seeds)
@settings(max_examples=40, deadline=None)
def test_goals_that_a_steady_creation_brings_are_given_back(
    assumptions: CellAssumptions, seed: int
) -> None:
    """forward(reverse(goals)) = goals where they can be reached."""
    steady = np.random.default_rng(seed).uniform(5, 50, len(assumptions.goal_cells))
    past = 24
    total = span(assumptions)
    seasons = np.arange(-past, total) % 12
    created = (
        assumptions.creation_share[:, np.newaxis]
        * steady[assumptions.goal_index][:, np.newaxis]
        * assumptions.creation[:, seasons]
    )
    bookings = forward(created, assumptions, -past % 12)[:, past : past + total]
    before = forward(created[:, :past], assumptions, -past % 12)[:, past:]
    stands = np.pad(before, ((0, 0), (0, max(total - before.shape[1], 0))))[:, :total]
    creation = solve(bookings, assumptions, standing(stands, len(assumptions.cells)))
    quarter = np.arange(total) // 3
    found = by_period(creation.bookings, quarter) / by_period(bookings, quarter)
    np.testing.assert_allclose(found[:, : MONTHS // 3], 1.0, atol=0.02)
    assert not creation.unreachable.any()


@given(assumptions=companies(), seed=seeds, factor=st.floats(0.01, 100.0))
@settings(max_examples=30, deadline=None)
def test_scaling_the_goals_scales_the_creation(
    assumptions: CellAssumptions, seed: int, factor: float
) -> None:
    goals = goals_of(assumptions, seed)
    np.testing.assert_allclose(
        solve(goals * factor, assumptions).count,
        solve(goals, assumptions).count * factor,
        rtol=1e-6,
        atol=1e-6 * factor,
    )


@given(assumptions=companies(), seed=seeds)
@settings(max_examples=30, deadline=None)
def test_goal_cells_do_not_know_of_each_other(assumptions: CellAssumptions, seed: int) -> None:
    goals = goals_of(assumptions, seed)
    together = solve(goals, assumptions).count
    halved = goals.copy()
    halved[1:] *= 0.5
    apart = solve(halved, assumptions).count
    first = assumptions.goal_index == 0
    np.testing.assert_allclose(apart[first], together[first], rtol=1e-9)


@given(assumptions=companies(), seed=seeds)
@settings(max_examples=30, deadline=None)
def test_higher_goals_take_more_creation(assumptions: CellAssumptions, seed: int) -> None:
    goals = goals_of(assumptions, seed)
    less = solve(goals, assumptions).count.sum(axis=1)
    more = solve(goals * 1.2, assumptions).count.sum(axis=1)
    assert (more >= less).all()


def test_zero_goals_need_nothing() -> None:
    assumptions = kelloggs()
    creation = solve(np.zeros((1, 30)), assumptions)
    assert not creation.count.any()
    assert not creation.unreachable.any()


def test_what_stands_already_is_not_created_again() -> None:
    assumptions, goals = kelloggs(), np.full((1, 40), 100.0)
    half = solve(goals, assumptions, standing(goals / 2))
    none = solve(goals, assumptions, standing(goals * 1.5))
    whole = solve(goals, assumptions)
    # Quarters of a year that have nothing to catch up with.
    np.testing.assert_allclose(half.count[0, 15:27], whole.count[0, 15:27] / 2, rtol=0.02)
    assert none.count.sum() == pytest.approx(0.0, abs=1e-9)


def test_months_gone_by_are_what_they_were() -> None:
    assumptions, goals = kelloggs(), np.full((1, 40), 100.0)
    created = np.zeros((1, 40))
    created[0, :4] = [7, 0, 3, 5]
    timeline = Timeline(first_month=0, period=np.arange(40) // 3, first_free=4)
    stands = standing(np.zeros((1, 40)), created=created)
    creation = solve(goals, assumptions, stands, timeline)
    assert creation.count[0, :4].tolist() == [7, 0, 3, 5]
    assert (creation.count[0, 4:30] > 0).all()


def test_a_month_that_has_begun_counts_what_it_has_created() -> None:
    assumptions, goals = kelloggs(), np.full((1, 40), 100.0)
    created = np.zeros((1, 40))
    created[0, 0] = 10_000.0
    timeline = Timeline(first_month=0, period=np.arange(40) // 3, elapsed=0.5)
    creation = solve(goals, assumptions, standing(np.zeros((1, 40)), created=created), timeline)
    assert creation.count[0, 0] == pytest.approx(10_000.0)


def test_what_the_running_month_has_created_is_not_counted_twice() -> None:
    """What it will bring stands already among the open deals."""
    assumptions, goals = kelloggs(), np.full((1, 40), 100.0)
    created = np.zeros((1, 40))
    created[0, 0] = 50.0
    timeline = Timeline(first_month=0, period=np.arange(40) // 3, elapsed=0.5)
    stands = standing(goals.copy(), created=created)
    creation = solve(goals, assumptions, stands, timeline, smoothness=(1e-9,))
    assert creation.count[0, 0] == pytest.approx(50.0)
    np.testing.assert_allclose(creation.bookings, goals, rtol=1e-4)


@pytest.mark.parametrize(("length", "months"), [(1, 11), (3, 31)])
def test_roughness_means_the_same_on_any_calendar(length: int, months: int) -> None:
    # z = t² with t in quarters has the second derivative 2 everywhere, in months as in quarters.
    timeline = Timeline(first_month=0, period=np.arange(months) // length, length=length)
    z = (np.arange(months) / length) ** 2
    rough = z @ _roughness(timeline, known=False, held=None)[0] @ z
    assert rough == pytest.approx(4 * (months - 2) / length)


def test_creation_in_what_is_left_of_a_month_comes_later() -> None:
    assumptions = replace(kelloggs(), kernel=np.array([[1.0]]))
    goals = np.zeros((1, 40))
    goals[0, :3] = 100.0
    timeline = Timeline(first_month=0, period=np.arange(40) // 3, elapsed=0.5)
    creation = solve(goals, assumptions, timeline=timeline, smoothness=(1e-9,), rush=1e9)
    brought = forward(creation.count, assumptions)
    # A quarter of what the rest of January creates is won in February.
    late = creation.bookings[0, 1] - brought[0, 1]
    assert late == pytest.approx(0.25 * brought[0, 0])


def test_a_goal_too_near_to_reach_is_reported_unreachable() -> None:
    # Nothing is won before the third month, and nothing stands: the first quarter cannot be helped.
    assumptions = replace(kelloggs(), kernel=np.array([[0.0, 0.0, 0.0, 1.0]]))
    creation = solve(np.full((1, 36), 100.0), assumptions)
    np.testing.assert_allclose(creation.unreachable[0, :3], 100.0)
    assert not creation.unreachable[0, 3:].any()
    # And no month is asked for more because of it.
    assert creation.count.max() < 1.5 * 100 / BY_QUARTER.sum()


def test_a_cap_makes_the_rest_unreachable() -> None:
    assumptions = replace(kelloggs(), kernel=np.array([[1.0]]))
    stands = standing(np.zeros((1, 36)), cap=np.full((1, 36), 60 / BY_QUARTER.sum()))
    creation = solve(np.full((1, 36), 100.0), assumptions, stands)
    np.testing.assert_allclose(creation.unreachable, 40.0)
    np.testing.assert_allclose(creation.bookings, 60.0)


def test_following_the_plan_leaves_the_rest_of_it_unchanged() -> None:
    """Re-planning with actual = target, the bookings being those expected."""
    assumptions = replace(
        kelloggs(), kernel=np.random.default_rng(1).dirichlet(np.ones(9))[np.newaxis]
    )
    goals = np.tile([80.0, 95, 300, 100, 100, 250], 8)[np.newaxis]
    before = np.exp(-np.arange(48) / 3)[np.newaxis] * 100
    first = solve(goals, assumptions, standing(before))
    gone = 7
    created = first.count.copy()
    created[:, gone:] = 0.0
    from_it = np.pad(forward(created[:, :gone], assumptions), ((0, 0), (0, 48)))[:, :48]
    again = solve(
        goals,
        assumptions,
        standing(before + from_it, created=created, reference=first.count),
        Timeline(first_month=0, period=np.arange(48) // 3, first_free=gone),
    )
    np.testing.assert_allclose(again.count, first.count, rtol=1e-6)


def test_sources_in_another_order_create_the_same() -> None:
    columns = {
        "goal_index": [0, 0, 0],
        "mix": [0.5, 0.3, 0.2],
        "win_rate": [0.2, 0.3, 0.1],
        "won_amount": [1e4, 2e4, 5e4],
        "lag": [1, 3, 5],
    }
    order = [2, 0, 1]
    other = {name: [values[at] for at in order] for name, values in columns.items()}
    goals = np.full((1, 36), 1e5)
    one = solve(goals, assumptions_from(**columns)).count
    permuted = solve(goals, assumptions_from(**other)).count
    np.testing.assert_allclose(permuted, one[order], rtol=1e-9)


def test_a_goal_cell_where_nothing_wins_gets_no_target_and_says_so() -> None:
    assumptions = assumptions_from(
        goal_index=[0, 1], mix=[1.0, 1.0], win_rate=[0.0, 0.5], won_amount=[10.0, 10.0], lag=[1, 1]
    )
    creation = solve(np.full((2, 36), 100.0), assumptions)
    assert np.isnan(creation.count[0]).all()
    np.testing.assert_allclose(creation.unreachable[0], 100.0)
    assert np.isfinite(creation.count[1]).all()
