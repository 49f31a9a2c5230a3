"""Companies whose true growth is known, and what the project's SQL forecasts them to create.

A company creates opportunities in three segments, each month a count that varies more than chance,
at a season. Its path is the logarithm of its level, month by month. It is looked at on a day; what
comes in the twelve months after is known here only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from compiled import CompiledSql, Lab

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIRST = np.datetime64("2020-01", "M")
HISTORY, AHEAD = 60, 12
"""Months up to the as-of day, and those forecast."""
AS_OF = date(2024, 12, 31)
SEGMENTS = ("smb", "mid_market", "enterprise")
SHARES = np.array([0.50, 0.32, 0.18])
DISPERSION = 1.3
"""Variance of a month's count in units of its mean."""
SEASON = 1 + 0.15 * np.cos(2 * np.pi * (np.arange(12) - 11) / 12)
"""Index of each month: December has a third more than June."""
MODELS = (
    "int_seasonality__creation",
    "int_seasonality__pooled",
    "int_seasonality__indices",
    "int_outlook__months",
    "int_outlook__creation_spans",
    "int_outlook__creation_growth",
    "int_outlook__creation_paths",
    "int_outlook__creation_to_come",
)


def steady(growth: float) -> Floats:
    """Return the path of a company that grows by a share every year."""
    return np.asarray(np.log1p(growth) * np.arange(HISTORY + AHEAD) / 12)


def step(rng: Generator) -> Floats:
    """Return the path of one that rose by 40 % once, 3 to 23 months before the as-of day."""
    months = np.arange(HISTORY + AHEAD)
    return np.where(months >= HISTORY - rng.integers(3, 24), np.log(1.4), 0.0)


def stops(rng: Generator) -> Floats:
    """Return the path of one that grew by 30 % a year until 0 to 14 months before."""
    months = np.arange(HISTORY + AHEAD)
    return np.asarray(np.log(1.3) * np.minimum(months, HISTORY - rng.integers(0, 15)) / 12)


def wandering(rng: Generator) -> Floats:
    """Return the path of one whose growth is about 15 % and changes by 17 points in a year."""
    growth = np.empty(HISTORY + AHEAD)
    growth[0] = rng.normal(0.15, 0.15)
    for month in range(1, len(growth)):
        growth[month] = 0.97 * growth[month - 1] + 0.03 * 0.15 + rng.normal(0, 0.05)
    return np.asarray(np.cumsum(growth) / 12)


def created(rng: Generator, path: Floats, per_month: float) -> Ints:
    """Draw (M, 3) opportunities created; in the last year of the history `per_month` on average."""
    level = per_month * np.exp(path - path[HISTORY - 12 : HISTORY].mean())
    mean = level[:, np.newaxis] * SHARES * SEASON[np.arange(len(path)) % 12, np.newaxis]
    spread = DISPERSION - 1
    return np.asarray(rng.poisson(rng.gamma(mean / spread, spread)), dtype=np.int64)


@dataclass(frozen=True)
class Forecast:
    """What is forecast of the months ahead, by segment in the order of `SEGMENTS`."""

    count: Floats
    """(12, 3) opportunities created."""
    ungrown: Floats
    """(12, 3) the same without growth: the last twelve months' rate at the season."""
    relative_std: Floats
    """(12, 3) standard deviation of the growth, a share of the count."""
    trailing: Floats
    """(3,) opportunities of the last twelve months."""
    growth: Mapping[str, float | None]
    """The company's row of int_outlook__creation_growth: growth, year_growth, half_growth, std."""

    def interval(self, months: slice, z: float = 1.2815515655) -> tuple[float, float]:
        """Return the 80 % interval of the company's count: a gamma distribution, as the mart's."""
        count = self.count[months]
        mean = count.sum()
        rate = (count.sum(axis=0) ** 2 / np.maximum(self.trailing, 1)).sum()
        variance = mean + rate + (count * self.relative_std[months]).sum() ** 2
        v = variance / mean**2
        low, high = (mean * (1 - v / 9 + s * np.sqrt(v) / 3) ** 3 for s in (-z, z))
        return float(low), float(high)


def load(lab: Lab, counts: Ints, rng: Generator, as_of: date = AS_OF) -> None:
    """Put the months of a history into a lab, each opportunity on a day of its month."""
    number = counts.ravel()
    month = np.repeat(np.repeat(np.arange(len(counts)), counts.shape[1]), number)
    segment = np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), number)
    starts = (FIRST + np.arange(len(counts) + 1)).astype("datetime64[D]")
    days = np.diff(starts).astype(np.int64)
    on = starts[month] + np.floor(rng.random(len(month)) * days[month]).astype(np.int64)
    give(lab, on, np.array(SEGMENTS, dtype=object)[segment], as_of)


def give(lab: Lab, on: NDArray[Any], segments: NDArray[Any], as_of: date = AS_OF) -> None:
    """Put opportunities, each qualified on a day in a segment, into a lab, and what they need."""
    day_after = np.datetime64(as_of) + 1
    known = on < day_after
    on, segments = on[known], segments[known]
    keys = np.arange(len(on))
    rest: dict[str, Any] = {
        "deal_type": "x",
        "territory": "x",
        "pipeline_source": "x",
        "custom_dimension": "all",
    }
    cells = sorted(set(segments))
    lab.table("int_as_of", rows=[{"as_of_date": as_of, "known_before": day_after.astype(object)}])
    lab.table(
        "int_cells", rows=[{"cell_key": n, "segment": name} | rest for n, name in enumerate(cells)]
    )
    lab.table("int_opportunities__qualified", columns={"opportunity_key": keys, "qualified_at": on})
    lab.table(
        "int_opportunities__attributed",
        columns={"opportunity_key": keys, "segment": segments, **rest},
    )
    lab.table(
        "int_estimates__spells",
        columns={
            "cell_key": np.searchsorted(np.array(cells, dtype=str), segments.astype(str)),
            "entered_on": on,
            "from_stage": 2,
            "to_stage": 90,
        },
    )
    lab.seed("cell_levels", "shrinkage_levels")
    lab.empty("int_seasonality__closing", "int_goals", "pipeline_targets", "int_plan_in_force")
    lab.run("int_calendar", "int_estimates__windows", *MODELS)


def forecast(sql: CompiledSql, counts: Ints, rng: Generator) -> Forecast:
    """Return what the SQL forecasts of a company whose history is the first months of `counts`."""
    with sql.lab() as lab:
        load(lab, counts[:HISTORY], rng)
        return read(lab)


def read(lab: Lab) -> Forecast:
    """Read what a lab forecasts of the twelve months after the as-of date."""
    found: dict[tuple[int, str], tuple[float, ...]] = {
        (month, segment): tuple(values)
        for month, segment, *values in lab.query(
            "select row_number() over (partition by segment order by fiscal_month) - 1, segment, "
            "creation_count, creation_count / growth_factor, growth_relative_std, trailing_count "
            "from intermediate.int_outlook__creation_to_come "
            "where creation_basis = 'as_it_goes' and creation_count > 0"
        )
    }
    none = (0.0, 0.0, 0.0, 0.0)
    count, ungrown, std, trailing = (
        np.array([[found.get((m, s), none)[part] for s in SEGMENTS] for m in range(AHEAD)])
        for part in range(4)
    )
    [(growth, year, half, growth_std)] = lab.query(
        "select growth, year_growth, half_growth, growth_std "
        "from intermediate.int_outlook__creation_growth where cell_level = 'company'"
    )
    return Forecast(
        count=count,
        ungrown=ungrown,
        relative_std=std,
        trailing=trailing[0],
        growth={
            "growth": growth,
            "year_growth": year,
            "half_growth": half,
            "growth_std": growth_std,
        },
    )


PATHS: Mapping[str, Callable[[Generator], Floats]] = {
    "20 % less a year": lambda _: steady(-0.2),
    "no growth": lambda _: steady(0.0),
    "20 % more a year": lambda _: steady(0.2),
    "60 % more a year": lambda _: steady(0.6),
    "growth that changes": wandering,
    "one step up by 40 %": step,
    "growth that stops": stops,
}
"""The companies a validation draws, by what is true of them."""
