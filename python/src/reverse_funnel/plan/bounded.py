"""Bounded least squares for many small problems at once, exactly and to the byte.

Each problem is min ½·xᵀHx - cᵀx subject to lower ≤ x ≤ upper, with H positive definite and banded.
Block principal pivoting (Júdice and Pires, *Computers & Operations Research* 21:587, 1994) guesses
which entries lie on a bound, solves for the others, and lets all entries that contradict the guess
change sides, falling back on one at a time (Murty's rule) where that goes in circles; it ends after
finitely many steps at the only solution. All problems that are not yet solved advance together, in
elementwise arithmetic without BLAS, so that the result does not depend on a machine's libraries.
"""

from __future__ import annotations

import numpy as np

from reverse_funnel.plan.model import BoolArray, FloatArray, IntArray

# Rounds without progress in which everything may still change sides, before Murty's rule.
PATIENCE = 3
# A bound is overstepped, or a gradient has the wrong sign, only beyond this; values are of order 1.
TOLERANCE = 1e-10


def solve_banded(matrix: FloatArray, right: FloatArray, bandwidth: int) -> FloatArray:
    """Solve symmetric positive definite systems by elimination within the band.

    Parameters
    ----------
    matrix
        (P, N, N), zero where |row - column| > `bandwidth`.
    right
        (P, N) right-hand sides.
    bandwidth
        Number of diagonals above the main one.

    Returns
    -------
    (P, N)

    """
    reduced, solution = matrix.copy(), right.copy()
    size = matrix.shape[1]
    for pivot in range(size - 1):
        below = slice(pivot + 1, min(pivot + bandwidth, size - 1) + 1)
        row = reduced[:, pivot, below]
        factor = row / reduced[:, pivot, pivot, np.newaxis]
        reduced[:, below, below] -= factor[:, :, np.newaxis] * row[:, np.newaxis, :]
        solution[:, below] -= factor * solution[:, pivot, np.newaxis]
    for pivot in range(size - 1, -1, -1):
        for other in range(pivot + 1, min(pivot + bandwidth, size - 1) + 1):
            solution[:, pivot] -= reduced[:, pivot, other] * solution[:, other]
        solution[:, pivot] /= reduced[:, pivot, pivot]
    return solution


def bounded_least_squares(
    matrix: FloatArray,
    right: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    bandwidth: int,
    start: FloatArray | None = None,
) -> FloatArray:
    """Solve the problems of this module's first paragraph.

    Parameters
    ----------
    matrix, right
        (P, N, N) and (P, N): H and c.
    lower, upper
        (P, N) bounds; an entry whose bounds are equal is fixed.
    bandwidth
        Number of diagonals of H above the main one.
    start
        (P, N) solution of a similar problem: its entries on a bound are the first guess.

    Returns
    -------
    (P, N), the solution of each problem.

    """
    values = lower.copy() if start is None else start
    fixed = lower >= upper
    at_lower: BoolArray = fixed | (values <= lower) if start is not None else fixed.copy()
    at_upper: BoolArray = ~at_lower & (values >= upper)
    solution = np.clip(values, lower, upper)
    patience = np.full(matrix.shape[0], PATIENCE)
    fewest = np.full(matrix.shape[0], matrix.shape[1] + 1)
    open_: IntArray = np.arange(matrix.shape[0])
    while open_.size:
        bound = at_lower[open_] | at_upper[open_]
        at_bound = np.where(at_lower[open_], lower[open_], upper[open_])
        current = _solve_free(matrix[open_], right[open_], bound, at_bound, bandwidth)
        gradient = _times(matrix[open_], current) - right[open_]
        wrong = np.select(
            [fixed[open_], at_lower[open_], at_upper[open_]],
            [np.False_, gradient < -TOLERANCE, gradient > TOLERANCE],
            default=(current < lower[open_] - TOLERANCE) | (current > upper[open_] + TOLERANCE),
        )
        solution[open_] = current
        count = wrong.sum(axis=1)
        better = count < fewest[open_]
        fewest[open_] = np.where(better, count, fewest[open_])
        patience[open_] = np.where(better, PATIENCE, patience[open_] - 1)
        swap = _changing_sides(wrong, patience[open_] < 0)
        to_lower = swap & ~bound & (current < lower[open_])
        to_upper = swap & ~bound & (current > upper[open_])
        at_lower[open_] = (at_lower[open_] & ~swap) | to_lower
        at_upper[open_] = (at_upper[open_] & ~swap) | to_upper
        open_ = open_[count > 0]
    return np.clip(solution, lower, upper)


def _changing_sides(wrong: BoolArray, one_at_a_time: BoolArray) -> BoolArray:
    """Return which entries change sides: all that are wrong, or of some problems only the last."""
    last = wrong.shape[1] - 1 - np.argmax(wrong[:, ::-1], axis=1)
    only_last = np.zeros_like(wrong)
    only_last[np.arange(wrong.shape[0]), last] = True
    return np.where(one_at_a_time[:, np.newaxis], wrong & only_last, wrong)


def _solve_free(
    matrix: FloatArray, right: FloatArray, bound: BoolArray, at_bound: FloatArray, bandwidth: int
) -> FloatArray:
    """Solve for the entries that are not on a bound, the others being there."""
    held = np.where(bound, at_bound, 0.0)
    free = ~bound
    reduced = matrix * (free[:, :, np.newaxis] & free[:, np.newaxis, :])
    diagonal = np.arange(matrix.shape[1])
    reduced[:, diagonal, diagonal] = np.where(bound, 1.0, matrix[:, diagonal, diagonal])
    return solve_banded(reduced, np.where(bound, held, right - _times(matrix, held)), bandwidth)


def _times(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    product: FloatArray = (matrix * vector[:, np.newaxis, :]).sum(axis=2)
    return product
