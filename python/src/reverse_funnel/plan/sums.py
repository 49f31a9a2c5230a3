"""Plain sums, one after the other and never by BLAS: the same input gives the same bytes."""

from __future__ import annotations

import numpy as np

from reverse_funnel.plan.model import FloatArray, IntArray


def by_goal_cell(values: FloatArray, index: IntArray, goal_cells: int) -> FloatArray:
    """Sum (C, N) values into (goal_cells, N), in the order of the cells."""
    columns = values.shape[1]
    flat = index[:, np.newaxis] * columns + np.arange(columns)
    total = np.bincount(flat.ravel(), weights=values.ravel(), minlength=goal_cells * columns)
    return total.reshape(goal_cells, columns).astype(np.float64)


def by_period(values: FloatArray, period: IntArray) -> FloatArray:
    """Sum the months of (P, N) or (P, N, …) into periods, (P, Q) or (P, Q, …).

    `period` is (N,) the number of each month's period, ascending from 0 without gaps.
    """
    first_months = np.flatnonzero(np.diff(period, prepend=-1))
    total: FloatArray = np.add.reduceat(values, first_months, axis=1)
    return total
