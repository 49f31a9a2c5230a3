"""Time the solver: goal cells that are each a problem of their own, over three years.

Usage: python bench/plan_bench.py [CELLS ...]   by default 1000 10000
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "python" / "tests")]

from dataclasses import replace  # noqa: E402

from plan_builders import assumptions_from  # noqa: E402
from reverse_funnel.plan.distribution import distribution  # noqa: E402
from reverse_funnel.plan.model import Standing, Timeline  # noqa: E402

MONTHS = 36
LAGS = 14


def seconds(cells: int) -> float:
    """Solve for so many goal cells, no two alike, and return the wall time."""
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
    started = time.perf_counter()
    distribution(
        goals,
        company,
        MONTHS + 2,
        timeline=Timeline(first_month=0, period=np.arange(span) // 3),
        standing=Standing(
            bookings=goals * np.exp(-np.arange(span) / 3),
            booked=nothing,
            created=nothing,
            created_amount=nothing,
        ),
    )
    return time.perf_counter() - started


def main() -> None:
    """Print a line for each size."""
    for cells in [int(size) for size in sys.argv[1:]] or [1000, 10_000]:
        took = seconds(cells)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{cells:>7,} goal cells x {MONTHS} months: {took:6.2f} s, peak {peak:,.0f} MB")


if __name__ == "__main__":
    main()
