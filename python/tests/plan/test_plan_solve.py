from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan_builders import assumptions_from, goals_for, planning_cells
from reverse_funnel.plan.kernels import delta_kernel, lag_in_months
from reverse_funnel.plan.model import CellAssumptions, UpstreamStep
from reverse_funnel.plan.solve import extend_goals, fixed_lag, forward, upstream_count

MONTHS = 18


def horizon(assumptions: CellAssumptions) -> int:
    """Bookings months that creation in `MONTHS` months can serve."""
    return MONTHS + assumptions.kernel.shape[1] - 1


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_forward_of_reverse_gives_the_goal_back(data: st.DataObject) -> None:
    assumptions = data.draw(planning_cells(unmeasured=True))
    goals = data.draw(goals_for(assumptions, horizon(assumptions)))
    creation = fixed_lag(goals, assumptions, MONTHS)
    bookings = forward(creation.count, assumptions) + creation.served_before
    np.testing.assert_allclose(bookings[:, :MONTHS], goals[:, :MONTHS], rtol=1e-9, atol=1e-6)
    assert not creation.unreachable.any()


@given(data=st.data(), factor=st.floats(0.01, 100.0))
@settings(max_examples=40, deadline=None)
def test_scaling_the_goals_scales_the_counts(data: st.DataObject, factor: float) -> None:
    assumptions = data.draw(planning_cells())
    goals = data.draw(goals_for(assumptions, horizon(assumptions)))
    once = fixed_lag(goals, assumptions, MONTHS).count
    scaled = fixed_lag(goals * factor, assumptions, MONTHS).count
    np.testing.assert_allclose(scaled, once * factor, rtol=1e-9)


@given(assumptions=planning_cells())
@settings(max_examples=20, deadline=None)
def test_zero_goals_need_nothing(assumptions: CellAssumptions) -> None:
    goals = np.zeros((len(assumptions.goal_cells), horizon(assumptions)))
    creation = fixed_lag(goals, assumptions, MONTHS)
    assert not creation.count.any()
    assert not creation.served_before.any()
    assert not creation.unreachable.any()


@given(data=st.data(), factor=st.floats(0.1, 10.0))
@settings(max_examples=30, deadline=None)
def test_only_the_proportions_of_the_mix_matter(data: st.DataObject, factor: float) -> None:
    columns = {"goal_index": [0, 0], "win_rate": [0.2, 0.4], "won_amount": [10.0, 30.0]}
    share = data.draw(st.floats(0.1, 0.9))
    mix = np.array([share, 1 - share])
    goals = np.full((1, MONTHS + 3), 100.0)
    one = assumptions_from(**columns, mix=mix.tolist(), lag=[1, 3])
    other = assumptions_from(**columns, mix=(mix * factor).tolist(), lag=[1, 3])
    np.testing.assert_allclose(
        fixed_lag(goals, one, MONTHS).count, fixed_lag(goals, other, MONTHS).count
    )


def test_each_source_creates_its_own_cycle_ahead() -> None:
    # 100 a month; v = 0.5 * 0.2 * 100 + 0.5 * 0.3 * 100 = 25, so 4 opportunities, 2 a source.
    assumptions = assumptions_from(
        goal_index=[0, 0], mix=[0.5, 0.5], win_rate=[0.2, 0.3], won_amount=[100, 100], lag=[1, 3]
    )
    goals = np.array([[100.0, 200.0, 300.0, 400.0, 500.0, 600.0]])
    creation = fixed_lag(goals, assumptions, 3)
    np.testing.assert_allclose(creation.count, [[4, 6, 8], [8, 10, 12]])
    # Month 0 is served by both sources before the plan, months 1 and 2 by the slow one: 30 in 50.
    np.testing.assert_allclose(creation.served_before, [[100, 120, 180, 0, 0, 0]])


def test_a_goal_that_no_source_can_win_is_unreachable() -> None:
    assumptions = assumptions_from(
        goal_index=[0, 0, 1],
        mix=[0.5, 0.5, 1.0],
        win_rate=[0.0, np.nan, 0.5],
        won_amount=[100, 100, 100],
        lag=[1, 1, 0],
    )
    goals = np.array([[50.0, 60.0, 70.0], [10.0, 10.0, 10.0]])
    creation = fixed_lag(goals, assumptions, 2)
    np.testing.assert_array_equal(creation.unreachable, [[50, 60, 70], [0, 0, 0]])
    assert np.isnan(creation.count[:2]).all()
    np.testing.assert_allclose(creation.count[2], [0.2, 0.2])
    assert not creation.served_before.any()


def test_the_measured_sources_carry_the_goal_of_one_that_is_not() -> None:
    assumptions = assumptions_from(
        goal_index=[0, 0],
        mix=[0.5, 0.5],
        win_rate=[0.25, np.nan],
        won_amount=[100, 100],
        lag=[0, 0],
    )
    creation = fixed_lag(np.array([[100.0]]), assumptions, 1)
    np.testing.assert_allclose(creation.count, [[4], [np.nan]])


def test_lags_round_half_a_month_up() -> None:
    lag = lag_in_months(np.array([0.0, 15.2, 15.21875, 61.0, np.nan]))
    np.testing.assert_array_equal(lag, [0, 0, 1, 2, np.nan])


def test_a_delta_kernel_puts_everything_at_the_lag() -> None:
    kernel = delta_kernel(np.array([0.0, 2.0, np.nan]))
    np.testing.assert_array_equal(kernel, [[1, 0, 0], [0, 0, 1], [np.nan] * 3])


def test_goals_beyond_the_last_month_repeat_the_year_before_with_growth() -> None:
    goals = np.arange(1.0, 15.0)[np.newaxis, :]
    extended = extend_goals(goals, 28, growth=0.5)[0]
    np.testing.assert_allclose(extended[:14], goals[0])
    np.testing.assert_allclose(extended[14:24], 1.5 * goals[0, 2:12])
    np.testing.assert_allclose(extended[24:26], 1.5 * goals[0, 12:14])
    np.testing.assert_allclose(extended[26:28], 1.5 * 1.5 * goals[0, 2:4])


def test_goals_of_less_than_a_year_are_extended_by_their_mean() -> None:
    extended = extend_goals(np.array([[10.0, 20.0]]), 14, growth=0.1)[0]
    np.testing.assert_allclose(extended[2:12], 16.5)
    np.testing.assert_allclose(extended[12:], [11.0, 22.0])


def test_an_earlier_step_is_needed_earlier_and_more_often() -> None:
    step = UpstreamStep(
        name="lead",
        per_qualified=np.array([10.0, np.nan]),
        kernel=np.array([[0.25, 0.75], [0.0, 1.0]]),
    )
    creation = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
    needed = upstream_count(creation, step, 2)
    np.testing.assert_allclose(needed[0], [10 * (0.25 * 1 + 0.75 * 2), 10 * (0.25 * 2 + 0.75 * 3)])
    assert np.isnan(needed[1]).all()


def test_a_kernel_that_is_not_a_delta_is_simulated_too() -> None:
    base = assumptions_from(goal_index=[0], mix=[1], win_rate=[0.5], won_amount=[10], lag=[0])
    spread = CellAssumptions(
        **{
            **{name: getattr(base, name) for name in CellAssumptions.__dataclass_fields__},
            "kernel": np.array([[0.2, 0.5, 0.3]]),
        }
    )
    np.testing.assert_allclose(forward(np.array([[2.0, 0.0]]), spread), [[2, 5, 3, 0]])


@pytest.mark.parametrize("cells", [10_000])
def test_ten_thousand_cells_over_three_years_are_solved_at_once(cells: int) -> None:
    rng = np.random.default_rng(1)
    goal_cells = cells // 10
    index = np.repeat(np.arange(goal_cells), 10)
    assumptions = assumptions_from(
        goal_index=index.tolist(),
        mix=[0.1] * cells,
        win_rate=rng.uniform(0.1, 0.4, cells).tolist(),
        won_amount=rng.uniform(1e3, 1e5, cells).tolist(),
        lag=rng.integers(0, 12, cells).tolist(),
    )
    goals = rng.uniform(0, 1e6, (goal_cells, 36 + assumptions.kernel.shape[1] - 1))
    creation = fixed_lag(goals, assumptions, 36)
    bookings = forward(creation.count, assumptions)[:, :36] + creation.served_before[:, :36]
    np.testing.assert_allclose(bookings, goals[:, :36], rtol=1e-9)
