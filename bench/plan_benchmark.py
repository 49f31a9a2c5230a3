"""Time the solver: goal cells that are each a problem of their own, over three years.

Usage: python -m pytest bench/plan_benchmark.py --benchmark-json build/plan_benchmark.json
"""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plan_builders import assumptions_from
from reverse_funnel.plan.distribution import distribution
from reverse_funnel.plan.model import CellAssumptions, FloatArray, Standing, Timeline

MONTHS = 36
LAGS = 14


def problem(cells: int) -> tuple[FloatArray, CellAssumptions, Timeline, Standing]:
    """Return so many goal cells, no two alike, with seasonal goals and open deals."""
    rng = np.random.default_rng(cells)
    lag = np.abs(np.arange(LAGS) - rng.uniform(1, 6, (cells, 1)))
    kernel = np.exp(-lag / 2)
    company = replace(
        assumptions_from(
            goal_index=list(range(cells)),
            mix=[1.0] * cells,
            win_rate=list(rng.uniform(0.1, 0.4, cells)),
            won_amount=list(rng.uniform(1e3, 1e5, cells)),
            lag=[0] * cells,
        ),
        kernel=kernel / kernel.sum(axis=1, keepdims=True),
        closing=np.tile([0.6, 0.8, 1.6] * 4, (cells, 1)),
    )
    span = MONTHS + 2 + LAGS - 1
    season = np.tile([0.6, 0.8, 1.6], span // 3 + 1)[:span]
    goals = rng.uniform(0.7, 1.3, (cells, span)) * rng.uniform(1e4, 1e6, (cells, 1)) * season
    nothing = np.zeros_like(goals)
    timeline = Timeline(first_month=0, period=np.arange(span) // 3)
    standing = Standing(
        bookings=goals * np.exp(-np.arange(span) / 3),
        booked=nothing,
        created=nothing,
        created_amount=nothing,
    )
    return goals, company, timeline, standing


@pytest.mark.parametrize("cells", [1000, 10_000])
def test_solve(benchmark: Any, cells: int) -> None:
    """A thousand cells are to take less than 2 s, ten thousand less than 20 s and 1 GB."""
    goals, company, timeline, standing = problem(cells)
    found = benchmark.pedantic(
        lambda: distribution(goals, company, MONTHS + 2, timeline=timeline, standing=standing),
        rounds=3,
    )
    benchmark.extra_info["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert found.count.shape == (cells, MONTHS + 2)
