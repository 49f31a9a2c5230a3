"""Lag kernels: which share comes how many months later. Rows of (C, K + 1) arrays that sum to 1."""

from __future__ import annotations

import numpy as np

from reverse_funnel.plan.model import MONTHS_IN_YEAR, FloatArray
from reverse_funnel.plan.months import DAYS_PER_MONTH

# Lags beyond which less than this comes in every cell are not planned for.
NEGLIGIBLE = 0.001


def lag_in_months(days: FloatArray) -> FloatArray:
    """Return durations in whole months, (C,); half a month rounds up, NaN stays NaN."""
    months: FloatArray = np.floor(days / DAYS_PER_MONTH + 0.5)
    return months


def delta_kernel(lag: FloatArray) -> FloatArray:
    """Return kernels that put everything at one lag.

    `lag` is (C,) whole months; the result (C, K + 1) with K the longest. NaN gives a row of NaN.
    """
    known = np.isfinite(lag)
    longest = int(lag[known].max()) if known.any() else 0
    kernel: FloatArray = (np.arange(longest + 1) == lag[:, np.newaxis]).astype(np.float64)
    kernel[~known] = np.nan
    return kernel


def mean_lag(kernel: FloatArray) -> FloatArray:
    """Return (C,) the mean lag in months."""
    return np.asarray((kernel * np.arange(kernel.shape[1])).sum(axis=1))


def convolved(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the kernel of two steps in a row, (C, K1 + K2 + 1)."""
    kernel = np.zeros((first.shape[0], first.shape[1] + second.shape[1] - 1))
    for lag in range(second.shape[1]):
        kernel[:, lag : lag + first.shape[1]] += first * second[:, lag : lag + 1]
    return kernel


def stretched(kernel: FloatArray, mean: FloatArray) -> FloatArray:
    """Stretch kernels in time to a mean lag, keeping their total.

    Share k moves to k * mean ÷ old mean, divided between the two months it falls between. `mean` is
    (C,) months; NaN leaves a row as it is. A kernel all of whose weight lies at 0 moves as a whole.
    """
    old = mean_lag(kernel)
    wanted = np.where(np.isfinite(mean), mean, old)
    factor = np.divide(wanted, old, out=np.ones_like(old), where=old > 0)
    shift = np.where(old > 0, 0.0, wanted)
    lags = kernel.shape[1]
    place = np.arange(lags) * factor[:, np.newaxis] + shift[:, np.newaxis]
    width = int(np.floor(place.max(initial=0.0))) + 2
    result = np.zeros((kernel.shape[0], max(width, lags)))
    rows = np.arange(kernel.shape[0])
    for lag in range(lags):
        whole = np.floor(place[:, lag]).astype(np.int64)
        part = place[:, lag] - whole
        result[rows, whole] += kernel[:, lag] * (1 - part)
        result[rows, whole + 1] += kernel[:, lag] * part
    used = result.any(axis=0)
    return result[:, : max(lags, int(np.flatnonzero(used)[-1]) + 1 if used.any() else 1)]


def cut_tail(kernel: FloatArray, negligible: float = NEGLIGIBLE) -> FloatArray:
    """Cut off the last lags of all kernels together; what comes then comes in the last one kept.

    The tail weighs less than `negligible` in every row. A plan has to reach as far beyond its last
    month as its kernels do.
    """
    beyond = np.cumsum(np.nan_to_num(kernel)[:, ::-1], axis=1)[:, ::-1]
    needed = np.flatnonzero((beyond >= negligible).any(axis=0))
    last = int(needed[-1]) if needed.size else 0
    cut = kernel[:, : last + 1].copy()
    cut[:, last] += kernel[:, last + 1 :].sum(axis=1)
    return cut


def seasonal_kernel(kernel: FloatArray, closing: FloatArray) -> FloatArray:
    """Bend kernels to the months in which more or less is closed.

    `kernel` is (C, K + 1), `closing` the (C, 12) index by month of the year. Of what is created in
    month s, the share won k months later is κ_k · θ_{s+k} ÷ Σ_j κ_j · θ_{s+j}: the season moves
    wins, and makes none.

    Returns
    -------
    (C, 12, K + 1)

    """
    month = np.arange(MONTHS_IN_YEAR)[:, np.newaxis] + np.arange(kernel.shape[1])
    bent = kernel[:, np.newaxis, :] * closing[:, month % MONTHS_IN_YEAR]
    total = bent.sum(axis=2, keepdims=True)
    whole = kernel.sum(axis=1)[:, np.newaxis, np.newaxis]
    weight = np.divide(whole, total, out=np.zeros_like(total), where=total > 0)
    seasonal: FloatArray = bent * weight
    return seasonal
