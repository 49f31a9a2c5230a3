"""Forecast what simulated companies of known growth will create; writes a page on it.

Companies are drawn on a path of growth, the project's own SQL forecasts their next twelve months,
and that is held against what they then create: without growth, with that of the year, with that of
the last half year, and with the smaller of the two, at several dampings. The page is
docs/validation_growth.md.

Usage: make validate-growth, or python bench/validate_growth.py --companies 40
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python" / "tests"))

from compiled import CompiledModels, CompiledSql  # noqa: E402
from growth_lab import AHEAD, HISTORY, PATHS, Forecast, created, forecast  # noqa: E402

REPORT = ROOT / "docs" / "validation_growth.md"
COMPANIES = 25
SEED = 20_261_130
SIZES = (40, 200)
"""Opportunities a month in the last year of the history."""
QUARTERS = {13: slice(0, 3), 26: slice(3, 6), 52: slice(9, 12)}
"""Months ahead that make the quarter which is over so many weeks after the as-of day."""
DAMPING = 0.8
"""The project's creation_growth_damping."""
CANDIDATES: Mapping[str, tuple[str, float]] = {
    "none": ("none", 1.0),
    "of the year": ("year_growth", DAMPING),
    "of the half": ("half_growth", DAMPING),
    "smaller, damping 0.5": ("growth", 0.5),
    "**smaller, damping 0.8**": ("growth", DAMPING),
    "smaller, damping 1": ("growth", 1.0),
}
"""What growth is used, and its damping; the bold one is the project's."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Looked:
    """One company: what was forecast of each quarter ahead, and what came."""

    actual: Mapping[int, float]
    said: Mapping[str, Mapping[int, float]]
    interval: Mapping[int, tuple[float, float]]


def growth_years(damping: float) -> Floats:
    """Return (12,) the years of growth in each month ahead, as int_outlook__creation_paths does."""
    years = (np.arange(AHEAD) + 0.5) / 12
    ahead = years if damping == 1 else (1 - damping**years) / -np.log(damping)
    return np.asarray(0.5 + ahead)


def look(found: Forecast, came: NDArray[np.int64]) -> Looked:
    """Hold every candidate's forecast of a company against what came; `came` is (12, 3)."""
    ungrown = found.ungrown.sum(axis=1)
    said: dict[str, dict[int, float]] = {}
    for name, (which, damping) in CANDIDATES.items():
        growth = 0.0 if which == "none" else float(found.growth[which] or 0.0)
        monthly = ungrown * np.exp(growth * growth_years(damping))
        if (which, damping) == ("growth", DAMPING):
            monthly = found.count.sum(axis=1)  # the SQL's own, each segment with its own growth
        said[name] = {weeks: float(monthly[at].sum()) for weeks, at in QUARTERS.items()}
    return Looked(
        actual={weeks: float(came[at].sum()) for weeks, at in QUARTERS.items()},
        said=said,
        interval={weeks: found.interval(at) for weeks, at in QUARTERS.items()},
    )


def study(sql: CompiledSql, companies: int, seed: int) -> dict[tuple[int, str], list[Looked]]:
    """Draw and forecast companies of every size and path."""
    rng = default_rng(seed)
    found: dict[tuple[int, str], list[Looked]] = {}
    for size in SIZES:
        for name, path in PATHS.items():
            for _ in range(companies):
                counts = created(rng, path(rng), size)
                said = forecast(sql, counts, rng)
                found.setdefault((size, name), []).append(look(said, counts[HISTORY:]))
            print(f"{size} a month, {name}: {companies} companies", flush=True)
    return found


def wape(looked: Sequence[Looked], candidate: str, weeks: int) -> float:
    """Return Σ |error| ÷ Σ actual."""
    errors = sum(abs(one.said[candidate][weeks] - one.actual[weeks]) for one in looked)
    return errors / sum(one.actual[weeks] for one in looked)


def bias(looked: Sequence[Looked], candidate: str, weeks: int) -> float:
    """Return Σ error ÷ Σ actual."""
    errors = sum(one.said[candidate][weeks] - one.actual[weeks] for one in looked)
    return errors / sum(one.actual[weeks] for one in looked)


def hit(looked: Sequence[Looked], weeks: int) -> float:
    """Return the share of the 80 % intervals that held."""
    held = (one.interval[weeks][0] <= one.actual[weeks] <= one.interval[weeks][1] for one in looked)
    return sum(held) / len(looked)


def report(found: Mapping[tuple[int, str], Sequence[Looked]], companies: int) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Validation of growth"
    yield ""
    yield "Written by `make validate-growth`; do not edit."
    yield ""
    yield (
        f"{companies} simulated companies for each row, of three segments, with a season and five "
        "years of history, looked at on its last day by the project's own SQL. Of the quarters "
        "that are over 13, 26 and 52 weeks later: how many opportunities were forecast to be "
        "created, against how many were. Interval: the share of 80 % intervals that held. Every "
        "figure carries an error of its own: of a share about eight points, of a WAPE a seventh of "
        "it."
    )
    chosen = next(name for name in CANDIDATES if name.startswith("**"))
    for size in SIZES:
        yield ""
        yield f"## {size} opportunities a month"
        yield ""
        yield "WAPE and bias without growth → with it."
        yield ""
        heads = (f" {weeks} weeks | bias | interval |" for weeks in QUARTERS)
        yield f"| true growth |{''.join(heads)}"
        yield f"|---|{'---:|' * 3 * len(QUARTERS)}"
        for path in PATHS:
            looked = found[size, path]
            cells = [
                f"{wape(looked, 'none', weeks):.1%} → {wape(looked, chosen, weeks):.1%} "
                f"| {bias(looked, 'none', weeks):+.1%} → {bias(looked, chosen, weeks):+.1%} "
                f"| {hit(looked, weeks):.0%}"
                for weeks in QUARTERS
            ]
            yield f"| {path} | {' | '.join(cells)} |"
    yield ""
    yield "## Which growth"
    yield ""
    yield (
        "WAPE a year ahead by what is taken for growth: none, that of the last twelve months on "
        "the twelve before, that of the last half year on the half before, or the smaller of both "
        "and none where they contradict each other; with the share of growth left after a year "
        "(damping)."
    )
    for size in SIZES:
        yield ""
        yield f"| {size} a month | {' | '.join(CANDIDATES)} |"
        yield f"|---|{'---:|' * len(CANDIDATES)}"
        for path in PATHS:
            looked = found[size, path]
            figures = " | ".join(f"{wape(looked, name, 52):.1%}" for name in CANDIDATES)
            yield f"| {path} | {figures} |"
        every = [one for path in PATHS for one in found[size, path]]
        yield f"| all | {' | '.join(f'{wape(every, name, 52):.1%}' for name in CANDIDATES)} |"


def main() -> None:
    """Draw the companies and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=COMPANIES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, default=REPORT)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = study(CompiledModels(Path(folder))(), asked.companies, asked.seed)
    asked.output.write_text("\n".join(report(found, asked.companies)) + "\n", encoding="utf-8")
    print(f"written to {asked.output.name}")


if __name__ == "__main__":
    main()
