"""Write docs/accuracy.md: forecasts of past quarters against rules of thumb, as measured.

Reads the marts forecast_accuracy and forecast_accuracy_summary of the warehouse; run a back-test
and build them before. Usage: make backtest
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverse_funnel.warehouse import DbtProject

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "accuracy.md"

Row = Mapping[str, Any]

SUMMARY_QUERY = """
select
    summary.measure, summary.method, summary.method_kind, methods.description, horizon_weeks,
    cell_level,
    sum(forecast_count) as n, sum(actual_amount) as actual, sum(error_amount) as error,
    sum(absolute_error_amount) as absolute_error, sum(pinball_loss_amount) as pinball,
    sum(interval_count) as intervals, sum(interval_hit_count) as hits,
    min(first_as_of_date) as first_as_of_date, max(last_as_of_date) as last_as_of_date,
    max(as_of_date) as as_of_date
from {{ ref('forecast_accuracy_summary') }} as summary
inner join {{ ref('forecast_methods') }} as methods
    on summary.measure = methods.measure and summary.method = methods.method
group by 1, 2, 3, 4, 5, 6
"""
MEASURES = {
    "bookings": "Bookings of a quarter",
    "pipeline_created": "Pipeline created in a quarter",
    "starting_pipeline": "Pipeline at the start of a quarter",
}
SHOWN = (0, 10, 13, 26, 39, 52)
"""Horizons in weeks that get a table."""
SPARSE = 4
"""With fewer forecasts than this a score says next to nothing."""


@dataclass(frozen=True)
class Score:
    """What the forecasts of one method at one horizon came to; amounts in corporate currency."""

    method: str
    is_model: bool
    description: str
    n: int
    wape: float
    wape_by_segment: float
    bias: float
    pinball: float
    intervals: int
    hits: int
    segment_intervals: int
    segment_hits: int


def scores(rows: Sequence[Row]) -> dict[tuple[str, int], list[Score]]:
    """Return the scores by measure and horizon: those of most forecasts and least loss first."""
    found: dict[tuple[str, int], list[Score]] = {}
    segments = {
        (row["measure"], row["method"], row["horizon_weeks"]): row
        for row in rows
        if row["cell_level"] == "segment"
    }
    for row in rows:
        if row["cell_level"] != "company" or not row["actual"]:
            continue
        actual = float(row["actual"])
        below = segments[row["measure"], row["method"], row["horizon_weeks"]]
        found.setdefault((row["measure"], int(row["horizon_weeks"])), []).append(
            Score(
                method=row["method"],
                is_model=row["method_kind"] == "model",
                description=row["description"],
                n=int(row["n"]),
                wape=float(row["absolute_error"]) / actual,
                wape_by_segment=float(below["absolute_error"]) / float(below["actual"]),
                bias=float(row["error"]) / actual,
                pinball=2 * float(row["pinball"]) / actual,
                intervals=int(row["intervals"]),
                hits=int(row["hits"]),
                segment_intervals=int(below["intervals"]),
                segment_hits=int(below["hits"]),
            )
        )
    return {
        key: sorted(found[key], key=lambda score: (-score.n, score.pinball, score.method))
        for key in sorted(found)
    }


def verdict(of_horizon: Sequence[Score]) -> str:
    """Say in a sentence how the best of the models compares with the best of the rules."""
    most = max(score.n for score in of_horizon)
    if most < SPARSE:
        return ""
    models = [score for score in of_horizon if score.is_model and score.n == most]
    rules = [score for score in of_horizon if not score.is_model and score.n == most]
    if not models or not rules:
        return ""
    model = min(models, key=lambda score: score.wape)
    rule = min(rules, key=lambda score: score.wape)
    how = "below" if model.wape < rule.wape else "not below"
    return (
        f"WAPE of `{model.method}` {model.wape:.1%}, {how} the best rule of thumb's, "
        f"{rule.wape:.1%} (`{rule.method}`)."
    )


def intervals(every: Mapping[tuple[str, int], Sequence[Score]]) -> str:
    """Say how many of the 80 % intervals held, over all measures and horizons, shown or not."""
    found = [score for scores_of in every.values() for score in scores_of if score.n >= SPARSE]
    total, below = (sum(s.intervals for s in found), sum(s.segment_intervals for s in found))
    if not total:
        return ""
    hits, hits_below = sum(s.hits for s in found), sum(s.segment_hits for s in found)
    return (
        f"Over all horizons {hits} of {total} intervals of the company held ({hits / total:.0%}), "
        f"and {hits_below} of {below} of its segments ({hits_below / below:.0%})."
    )


def table(of_horizon: Sequence[Score]) -> list[str]:
    """Return the lines of a table of scores; models are set in bold."""
    lines = [
        "| method | forecasts | WAPE | WAPE, segments | bias | pinball | 80 % interval hit | "
        "segments |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for score in of_horizon:
        name = f"**{score.method}**" if score.is_model else score.method
        lines.append(
            f"| {name} | {score.n} | {score.wape:.1%} | {score.wape_by_segment:.1%} | "
            f"{score.bias:+.1%} | {score.pinball:.1%} | {_hits(score.hits, score.intervals)} | "
            f"{_hits(score.segment_hits, score.segment_intervals)} |"
        )
    return lines


def _hits(hits: int, intervals: int) -> str:
    return f"{hits} of {intervals}" if intervals else ""


def render(rows: Sequence[Row]) -> str:
    """Return the page."""
    first = min(str(row["first_as_of_date"])[:10] for row in rows)
    last = max(str(row["last_as_of_date"])[:10] for row in rows)
    today = max(str(row["as_of_date"])[:10] for row in rows)
    lines = [
        "# Forecast accuracy",
        "",
        "Written by `make backtest`; do not edit.",
        "",
        f"Forecasts of the demo company as of days from {first} to {last}, each made with what was "
        f"recorded by that day, against what had come by {today}. Models are bold; the others are "
        "rules of thumb, with the same data.",
        "",
        "* WAPE: sum of absolute errors ÷ sum of actuals. Segments: errors of each, summed.",
        "* Bias: sum of errors ÷ sum of actuals; above 0 too much was forecast.",
        "* Pinball: twice the mean pinball loss of p10, p50 and p90 ÷ mean actual. For a method "
        "without a range it is the WAPE; the lower, the better.",
        "* 80 % interval: how many actuals lay from p10 to p90. Eight of ten should.",
        "",
        "Quarters overlap between horizons and segments share a company: the rows are not "
        "independent of each other, and a dozen quarters is little. Methods compare where they "
        "have as many forecasts. Rules that start from pipeline know of no deal yet to be created.",
    ]
    every = scores(rows)
    if said := intervals(every):
        lines += ["", said]
    for measure, title in MEASURES.items():
        of_measure = {w: every[m, w] for m, w in every if m == measure and w in SHOWN}
        if not of_measure:
            continue
        lines += ["", f"## {title}", ""]
        described = {s.method: s.description for found in of_measure.values() for s in found}
        lines += [f"* `{method}`: {text}" for method, text in sorted(described.items())]
        for weeks, found in of_measure.items():
            ahead = f"{weeks} weeks" if weeks else "Days"
            due = "begins" if measure == "starting_pipeline" else "is over"
            lines += ["", f"### {ahead} before it {due}", ""]
            if said := verdict(found):
                lines += [said, ""]
            lines += table(found)
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PAGE)
    output = parser.parse_args().output
    rows = DbtProject(ROOT).query(SUMMARY_QUERY)
    if not rows:
        parser.error("no forecast has come due: run reverse-funnel backtest, then dbt build")
    output.write_text(render(rows), encoding="utf-8")
    print(f"Written to {output.name}.")


if __name__ == "__main__":
    main()
