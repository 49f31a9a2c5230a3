from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reverse_funnel.plan.kernels import (
    convolved,
    cut_tail,
    mean_lag,
    seasonal_kernel,
    stretched,
)


@st.composite
def kernels(draw: st.DrawFn) -> np.ndarray:
    weights = draw(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=9))
    row = np.array(weights) + 1e-6
    return (row / row.sum())[np.newaxis]


@given(kernel=kernels(), factor=st.floats(0.3, 2.5))
def test_stretching_moves_the_mean_and_keeps_the_total(kernel: np.ndarray, factor: float) -> None:
    wanted = mean_lag(kernel) * factor
    result = stretched(kernel, wanted)
    np.testing.assert_allclose(result.sum(axis=1), 1.0)
    np.testing.assert_allclose(mean_lag(result), wanted, atol=1e-12)
    assert (result >= 0).all()


def test_a_kernel_nobody_overruled_stays_to_the_bit() -> None:
    kernel = np.array([[0.1, 0.7, 0.2]])
    np.testing.assert_array_equal(stretched(kernel, np.array([np.nan]))[:, :3], kernel)


def test_what_comes_at_once_is_moved_as_a_whole() -> None:
    np.testing.assert_allclose(stretched(np.array([[1.0]]), np.array([1.5])), [[0.0, 0.5, 0.5]])


@given(first=kernels(), second=kernels())
def test_the_means_of_two_steps_add_up(first: np.ndarray, second: np.ndarray) -> None:
    both = convolved(first, second)
    np.testing.assert_allclose(both.sum(), 1.0)
    np.testing.assert_allclose(mean_lag(both), mean_lag(first) + mean_lag(second), atol=1e-9)


def test_the_season_moves_wins_and_makes_none() -> None:
    # Created in January; half would be won in February, half in March, which closes three times
    # as much.
    closing = np.ones((1, 12))
    closing[0, 1], closing[0, 2] = 0.5, 1.5
    bent = seasonal_kernel(np.array([[0.0, 0.5, 0.5]]), closing)
    np.testing.assert_allclose(bent[0, 0], [0.0, 0.25, 0.75])
    np.testing.assert_allclose(bent.sum(axis=2), 1.0)


def test_a_tail_that_matters_nowhere_is_cut_and_kept_in_the_last_month() -> None:
    kernel = np.array([[0.5, 0.4995, 0.0005], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(cut_tail(kernel), [[0.5, 0.5], [1.0, 0.0]])
    np.testing.assert_allclose(cut_tail(np.array([[0.5, 0.49, 0.01]])), [[0.5, 0.49, 0.01]])
