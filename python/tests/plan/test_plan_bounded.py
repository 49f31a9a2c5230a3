from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear, nnls

from reverse_funnel.plan.bounded import bounded_least_squares, solve_banded


def banded_problems(
    seed: int, problems: int, size: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Design matrices (P, M, N) whose normal matrices have bandwidth `width`, and targets (P, M)."""
    rng = np.random.default_rng(seed)
    design = np.zeros((problems, size + width, size))
    for column in range(size):
        design[:, column : column + width, column] = rng.random((problems, width))
    design = np.concatenate([design, np.tile(0.1 * np.eye(size), (problems, 1, 1))], axis=1)
    return design, rng.normal(size=(problems, design.shape[1]))


@given(
    seed=st.integers(0, 10**6),
    problems=st.integers(1, 5),
    size=st.integers(1, 14),
    width=st.integers(1, 6),
    upper=st.sampled_from([0.3, 1.0, np.inf]),
)
@settings(max_examples=80, deadline=None)
def test_it_finds_what_an_active_set_method_finds(
    seed: int, problems: int, size: int, width: int, upper: float
) -> None:
    design, target = banded_problems(seed, problems, size, width)
    normal = np.einsum("pij,pik->pjk", design, design)
    right = np.einsum("pij,pi->pj", design, target)
    bounds = np.zeros((problems, size)), np.full((problems, size), upper)
    found = bounded_least_squares(normal, right, *bounds, bandwidth=width)
    for problem in range(problems):
        if np.isinf(upper):
            expected = nnls(design[problem], target[problem])[0]
        else:
            expected = lsq_linear(
                design[problem], target[problem], bounds=(0, upper), method="bvls", tol=1e-14
            ).x
        np.testing.assert_allclose(found[problem], expected, atol=1e-7)


def test_a_first_guess_changes_nothing_but_the_way() -> None:
    design, target = banded_problems(3, 20, 12, 4)
    normal = np.einsum("pij,pik->pjk", design, design)
    right = np.einsum("pij,pi->pj", design, target)
    bounds = np.zeros((20, 12)), np.full((20, 12), 0.5)
    cold = bounded_least_squares(normal, right, *bounds, bandwidth=4)
    guess = np.random.default_rng(4).choice([0.0, 0.2, 0.5], size=(20, 12))
    warm = bounded_least_squares(normal, right, *bounds, bandwidth=4, start=guess)
    np.testing.assert_allclose(warm, cold, atol=1e-9)


def test_an_entry_with_equal_bounds_stays_where_it_is() -> None:
    design, target = banded_problems(5, 3, 8, 3)
    normal = np.einsum("pij,pik->pjk", design, design)
    right = np.einsum("pij,pi->pj", design, target)
    lower, upper = np.zeros((3, 8)), np.full((3, 8), 2.0)
    lower[:, 2] = upper[:, 2] = 1.25
    found = bounded_least_squares(normal, right, lower, upper, bandwidth=3)
    assert found[:, 2].tolist() == [1.25] * 3


@pytest.mark.parametrize("size", [1, 2, 9])
def test_elimination_within_the_band_solves_the_system(size: int) -> None:
    design, _ = banded_problems(6, 4, size, 3)
    normal = np.einsum("pij,pik->pjk", design, design)
    right = np.random.default_rng(7).normal(size=(4, size))
    expected = np.linalg.solve(normal, right[:, :, np.newaxis])[:, :, 0]
    np.testing.assert_allclose(solve_banded(normal, right, 3), expected, rtol=1e-8)
