"""Validate the starting forecast on simulated companies; writes docs/validation_starting.md.

Companies that are alike but for their luck are simulated and built as far as the mart. Every past
week's forecast of what the next two quarters start with, made of what was known then, is held
against what they did start with: how far off by weeks to the start, how often in its 80 % interval,
and how far off two rules of thumb are, from the same days.

Usage: make validate-starting, or python bench/validate_starting.py --companies 6
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "validate_starting"
REPORT = ROOT / "docs" / "validation_starting.md"
LEVELS = ("company", "segment", "segment_deal_type", "goal_cell", "pipeline_source")
WEEKS = ((1, 1), (2, 5), (6, 9), (10, 13), (14, 19), (20, 27))
MART = "marts.starting_coverage_forecast"
FORECASTS = f"""
    select now.cell_level, now.weeks_to_start, now.forecast_start_amount, now.p10, now.p90,
        now.start_amount, now.open_amount_real, before.start_amount
    from {MART} as now
    left join {MART} as before
        on now.cell_level = before.cell_level and now.segment is not distinct from before.segment
        and now.deal_type is not distinct from before.deal_type
        and now.territory is not distinct from before.territory
        and now.pipeline_source is not distinct from before.pipeline_source
        and before.close_quarter_start = now.close_quarter_start - interval 1 year
        and before.weeks_to_start = 1 and before.stands_for_week
    where now.stands_for_week and now.start_amount is not null and now.p10 is not null
"""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast of one cell's start, what came, and what two rules of thumb would have said."""

    level: str
    weeks: int
    forecast: float
    p10: float
    p90: float
    actual: float
    dated: float
    last_year: float | None

    @property
    def is_hit(self) -> bool:
        """Whether what came lay in the 80 % interval."""
        return self.p10 <= self.actual <= self.p90


def wape(rows: Sequence[Forecast], guess: Callable[[Forecast], float | None]) -> float:
    """Return Σ |error| ÷ Σ actual of a rule, over the rows it says something of."""
    told = [(said, row.actual) for row in rows if (said := guess(row)) is not None]
    return sum(abs(said - actual) for said, actual in told) / sum(actual for _, actual in told)


def bias(rows: Sequence[Forecast]) -> float:
    """Return Σ error ÷ Σ actual; above 0 too much was forecast."""
    return sum(row.forecast - row.actual for row in rows) / sum(row.actual for row in rows)


def share_hit(rows: Sequence[Forecast]) -> float:
    """Return the share of intervals that held."""
    return sum(row.is_hit for row in rows) / len(rows)


def build(seed: int, opportunities: int) -> Path:
    """Simulate a company and build it as far as the mart; return its database."""
    database = WORK / f"{seed}.duckdb"
    environment = os.environ | {
        "UNIFIED_PIPELINE_DB": str(database),
        "DBT_TARGET_PATH": str(WORK / f"target{seed}"),
        "DBT_LOG_PATH": str(WORK / f"target{seed}"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    tools = Path(sys.executable).parent
    demo = ["reverse-funnel", "demo", "--if-missing", "--seed", str(seed)]
    for command in (
        [*demo, "--opportunities", str(opportunities)],
        ["dbt", "--quiet", "seed", "--full-refresh"],
        ["dbt", "--quiet", "run", "--select", "+starting_coverage_forecast"],
    ):
        subprocess.run(
            [str(tools / command[0]), *command[1:]],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return database


def read(database: Path) -> list[Forecast]:
    """Return the forecasts of one company whose quarter has started and that have an interval."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(FORECASTS).fetchall()
    return [
        Forecast(
            level=level,
            weeks=weeks,
            forecast=float(forecast),
            p10=float(p10),
            p90=float(p90),
            actual=float(actual),
            dated=float(dated),
            last_year=None if before is None else float(before),
        )
        for level, weeks, forecast, p10, p90, actual, dated, before in rows
    ]


def report(rows: Sequence[Forecast], companies: int, opportunities: int) -> Iterable[str]:
    """Yield the lines of the page."""
    yield "# Validation of the starting forecast"
    yield ""
    yield "Written by `make validate-starting`; do not edit."
    yield ""
    yield (
        f"{companies} simulated companies of {opportunities:,} opportunities in five and a half "
        "years. For every week of the past and every cell: what the next two quarters were "
        "forecast to start with, of what was known then, against what they did start with. Years "
        "without an interval are left out. Neighbouring weeks, and cells of a company, share their "
        "luck: the numbers of rows overstate how much is known. The last two columns are the WAPE "
        "of two rules of thumb: what is dated to the quarter today, and its start last year."
    )
    yield ""
    yield "## By weeks to the start, segments"
    yield ""
    yield "| weeks | forecasts | WAPE | bias | 80 % interval | dated today | as last year |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    segments = [row for row in rows if row.level == "segment"]
    for first, last in WEEKS:
        some = [row for row in segments if first <= row.weeks <= last]
        name = str(first) if first == last else f"{first} to {last}"
        yield (
            f"| {name} | {len(some):,} | {wape(some, lambda row: row.forecast):.1%} "
            f"| {bias(some):+.1%} | {share_hit(some):.1%} "
            f"| {wape(some, lambda row: row.dated):.1%} "
            f"| {wape(some, lambda row: row.last_year):.1%} |"
        )
    yield ""
    yield "## By level, all weeks"
    yield ""
    yield "| level | forecasts | WAPE | bias | 80 % interval |"
    yield "|---|---:|---:|---:|---:|"
    for level in LEVELS:
        some = [row for row in rows if row.level == level]
        yield (
            f"| {level} | {len(some):,} | {wape(some, lambda row: row.forecast):.1%} "
            f"| {bias(some):+.1%} | {share_hit(some):.1%} |"
        )
    yield ""
    yield f"Of all {len(rows):,} intervals {share_hit(rows):.1%} held (to hold: 75 to 85 %)."


def main() -> None:
    """Build the companies that are not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=6)
    parser.add_argument("--opportunities", type=int, default=15_000)
    parser.add_argument("--first-seed", type=int, default=11)
    asked = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    rows: list[Forecast] = []
    for seed in range(asked.first_seed, asked.first_seed + asked.companies):
        rows += read(build(seed, asked.opportunities))
        print(f"company {seed}: {len(rows):,} forecasts so far", flush=True)
    REPORT.write_text("\n".join(report(rows, asked.companies, asked.opportunities)) + "\n")
    print(f"written to {REPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
