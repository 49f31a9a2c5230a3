"""Validate the estimators on companies whose truth is known; writes docs/validation.md.

Small companies are drawn and simulated (python/tests/small_company.py), the project's own SQL
estimates their win rates from what their CRM shows on one day, and the estimates are compared with
the truth: is there a bias, and do the intervals hold what they promise?

Usage: make validate-methods, or python bench/validate_methods.py --repetitions 400
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import NormalDist
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "python" / "tests"), str(ROOT / "bench")]

import validate_drift  # noqa: E402
from compiled import CompiledModels, CompiledSql, Lab, Relation  # noqa: E402
from small_company import (  # noqa: E402
    AS_OF,
    DEALS,
    HISTORY_DAYS,
    SEGMENTS,
    Company,
    Spells,
    draw_company,
    simulate,
)
from spell_lab import (  # noqa: E402
    ADVANCED,
    CELL_COLUMNS,
    FIRST_DAY,
    OPEN,
    Window,
    give_cells,
    give_spells,
    give_windows,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

T = TypeVar("T")

HORIZON = 365
"""The project's conversion_horizon_days: the age by which a win counts."""
REPETITIONS = 400
SEED = 20_260_630
LEVELS = (0.80, 0.95)


# --- what a study reports -------------------------------------------------------------------------
@dataclass(frozen=True)
class Check:
    """A figure and the range it must lie in."""

    name: str
    value: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the figure lies in its range; a figure that is not a number does not."""
        return bool(self.low <= self.value <= self.high)


@dataclass(frozen=True)
class Section:
    """One section of the report, in Markdown, and what must hold of it."""

    title: str
    lines: Sequence[str]
    checks: Sequence[Check] = ()


class Runner:
    """Repeats something with the project's SQL, each time with random numbers of its own."""

    def __init__(self, sql: CompiledSql, workers: int = 1) -> None:
        self.sql = sql
        self.workers = workers

    def repeat(
        self, once: Callable[[CompiledSql, Generator], T], repetitions: int, seed: int
    ) -> list[T]:
        """Call ``once``, a function of a module, and return what it returns, in order.

        The same seed gives the same numbers, however many workers there are.
        """
        if self.workers == 1:
            return [once(self.sql, default_rng([seed, n])) for n in range(repetitions)]
        with ProcessPoolExecutor(
            self.workers,
            mp_context=get_context("spawn"),
            initializer=_start_worker,
            initargs=(self.sql.relations,),
        ) as pool:
            return list(pool.map(partial(_work, once, seed), range(repetitions), chunksize=4))


_worker_sql: list[CompiledSql] = []


def _start_worker(relations: Mapping[str, Relation]) -> None:
    _worker_sql[:] = [CompiledSql(relations)]


def _work(once: Callable[[CompiledSql, Generator], T], seed: int, repetition: int) -> T:
    return once(_worker_sql[0], default_rng([seed, repetition]))


Study = Callable[[Runner, int, int], list[Section]]
"""(runner, repetitions, seed) -> sections of the report."""

Found = list[tuple[str, float, float, float]]
"""What one repetition found: the name of a quantity, its estimate, standard error and truth."""


@dataclass(frozen=True)
class Estimates:
    """Estimates of one quantity with standard errors and truths, one entry an estimate."""

    value: Floats
    std_error: Floats
    truth: Floats
    repetition: Ints
    """Estimates of one repetition have the same company, and so are not independent."""

    @property
    def error(self) -> Floats:
        """Estimate minus truth."""
        return self.value - self.truth

    @property
    def bias(self) -> tuple[float, float]:
        """Mean error, and its Monte Carlo standard error."""
        return self._mean(self.error)

    @property
    def rmse(self) -> float:
        """Root of the mean squared error."""
        return float(np.sqrt(np.nanmean(self.error**2)))

    @property
    def without_interval(self) -> float:
        """Share of the estimates that have no interval."""
        return float(np.mean(np.isnan(interval(self.value, self.std_error, 0.95)[0])))

    def covered(self, level: float) -> tuple[float, float]:
        """Share of the intervals that hold the truth, and its Monte Carlo standard error."""
        low, high = interval(self.value, self.std_error, level)
        is_held = (low <= self.truth) & (self.truth <= high)
        return self._mean(np.where(np.isnan(low), np.nan, is_held))

    def _mean(self, figures: Floats) -> tuple[float, float]:
        """Mean of what is a number, and its standard error with repetitions as clusters."""
        known = ~np.isnan(figures)
        mean = float(figures[known].mean())
        by_repetition = np.bincount(self.repetition[known], figures[known] - mean)
        return mean, float(np.sqrt(np.sum(by_repetition**2)) / known.sum())


def collect(repetitions: Sequence[Found]) -> dict[str, Estimates]:
    """Gather what the repetitions found, by name, in the order of the first of them."""
    rows: dict[str, list[tuple[float, float, float, int]]] = {}
    for number, found in enumerate(repetitions):
        for name, value, std_error, truth in found:
            rows.setdefault(name, []).append((value, std_error, truth, number))
    return {
        name: Estimates(
            value=np.array([row[0] for row in listed]),
            std_error=np.array([row[1] for row in listed], dtype=np.float64),
            truth=np.array([row[2] for row in listed]),
            repetition=np.array([row[3] for row in listed]),
        )
        for name, listed in rows.items()
    }


def interval(value: Floats, std_error: Floats, level: float) -> tuple[Floats, Floats]:
    """Bounds of a share on the complementary log-log scale, as the project's SQL has them.

    Not a number where the SQL has none: without a standard error, and for none or all.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    usable = (std_error > 0) & (value > 0) & (value < 1)
    share = np.where(usable, value, 0.5)
    width = z * std_error / (-share * np.log(share))
    return (
        np.where(usable, share ** np.exp(width), np.nan),
        np.where(usable, share ** np.exp(-width), np.nan),
    )


# --- win rates ------------------------------------------------------------------------------------
SMALL = 50
"""A cell with fewer deals than this in the whole history is small."""
OWN, SHRUNK, SPREADSHEET = "small cells, own curve", "small cells, shrunk", "spreadsheet: "


def planning_windows() -> list[Window]:
    """Return the project's windows as of ``AS_OF``, with one quarter of lookback."""
    ends = (AS_OF - FIRST_DAY).days + 1
    return [
        Window("all_time", ends - HISTORY_DAYS, ends),
        Window("lookback", ends - 91, ends),
        Window("prior_year", ends - 91 - 364, ends - 364),
    ]


def give_company(lab: Lab, company: Company, spells: Spells) -> None:
    """Put what the curves are made from into a lab."""
    give_windows(lab, planning_windows())
    give_cells(lab, company.cells)
    give_spells(
        lab,
        cell=spells.cell,
        entered_on=spells.entered_on,
        left_on=spells.left_on,
        cause=spells.cause,
    )


def find_curves(sql: CompiledSql, rng: Generator) -> Found:
    """Draw a company, estimate its win rates as a whole and by segment, and do it on a sheet."""
    company = draw_company(rng)
    spells = simulate(company, rng)
    with sql.lab() as lab:
        give_company(lab, company, spells)
        # the other levels change nothing of these two, and take their time
        levels = [("company", 0), ("segment", 1)]
        lab.table(
            "cell_levels",
            rows=[
                {
                    "cell_level": level,
                    **dict.fromkeys((f"by_{column}" for column in CELL_COLUMNS), 0),
                    "by_segment": by_segment,
                }
                for level, by_segment in levels
            ],
        )
        lab.run("int_estimates__curves", "int_estimates__rates")
        return [*of_curves(lab, company), *of_spreadsheets(lab, company, spells)]


def find_small_cells(sql: CompiledSql, rng: Generator) -> Found:
    """Draw a company and estimate its small cells."""
    return find_small_cells_of(sql, rng, draw_company(rng))


def find_small_cells_of(sql: CompiledSql, rng: Generator, company: Company) -> Found:
    """Estimate the small cells of a company, by their own curves and shrunk."""
    with sql.lab() as lab:
        shrink_company(lab, company, simulate(company, rng))
        return of_small_cells(lab, company)


def shrink_company(lab: Lab, company: Company, spells: Spells) -> None:
    """Run the project's SQL from the spells to the shrunk win rates."""
    give_company(lab, company, spells)
    lab.seed("cell_levels", "shrinkage_levels")
    lab.empty("int_estimates__amounts", "int_estimates__source_mix")
    lab.run(
        "int_estimates__curves",
        "int_estimates__rates",
        "int_estimates__kernels",
        "int_estimates__measured",
        "int_estimates__windowed",
        "int_estimates__evidence",
        "int_estimates__credibility",
        "int_estimates__shrunk",
    )


def of_curves(lab: Lab, company: Company) -> Found:
    """Return the win rates of the company and its segments."""
    won = company.won_by(HORIZON)
    found: Found = []
    for name, window in (("all deals ever", "all_time"), ("one quarter", "lookback")):
        row = rates_of(lab, "company", window)
        truth = float(company.share @ won)
        found.append((f"company, {name}", row["rate"][0], row["std_error"][0], truth))
    row = rates_of(lab, "segment", "all_time")
    for number, segment in enumerate(SEGMENTS):
        at, members = row["segment"] == segment, company.segment == number
        truth = float(np.average(won[members], weights=company.share[members]))
        found.append(
            ("segments, all deals ever", row["rate"][at][0], row["std_error"][at][0], truth)
        )
    return found


def of_small_cells(lab: Lab, company: Company) -> Found:
    """Return the win rates of the small cells, by their own curves and as the project has them."""
    won = dict(zip(company.cells, company.won_by(HORIZON), strict=True))
    found: Found = []
    for *cell, own, own_std_error, shrunk, std_error in lab.query(
        f"select {', '.join(CELL_COLUMNS)}, evidence.own_value, evidence.own_std_error, "
        "shrunk.value, shrunk.scaled_std_error "
        "from intermediate.int_estimates__shrunk as shrunk "
        "join intermediate.int_estimates__evidence as evidence "
        f"using (parameter, cell_level, {', '.join(CELL_COLUMNS)}) "
        f"where parameter = 'win_rate' and cell_level = 'cell' and shrunk.own_n < {SMALL} "
        f"order by {', '.join(CELL_COLUMNS)}"
    ):
        truth = float(won[tuple(cell)])
        found.append((OWN, own, own_std_error, truth))
        found.append((SHRUNK, shrunk, std_error, truth))
    return found


def of_spreadsheets(lab: Lab, company: Company, spells: Spells) -> Found:
    """Do what a spreadsheet would with the same spells."""
    won, closed = spells.cause == ADVANCED, spells.cause != OPEN
    young = (np.datetime64(AS_OF) - spells.entered_on).astype(np.int64) < 180
    very_young = (np.datetime64(AS_OF) - spells.entered_on).astype(np.int64) < 90
    lasted = (spells.left_on - spells.entered_on).astype(np.int64)
    curve = lab.arrays(
        "select advanced_count / at_risk_count as hazard from intermediate.int_estimates__curves "
        f"where cell_level = 'company' and estimation_window = 'all_time' and age_days <= {HORIZON}"
    )
    by_curve = rates_of(lab, "company", "all_time")
    rate, days = float(company.share @ company.won_by(HORIZON)), company.mean_days(HORIZON)
    return [
        (f"{SPREADSHEET}{name}", float(value), np.nan, truth)
        for name, value, truth in (
            ("won ÷ created, last 90 days", won[very_young].mean(), rate),
            ("won ÷ created, last 180 days", won[young].mean(), rate),
            ("won ÷ created, three years", won.mean(), rate),
            ("won ÷ closed, created in the last 180 days", won[closed & young].mean(), rate),
            ("won ÷ closed, three years", won[closed].mean(), rate),
            ("Kaplan-Meier, losses taken as out of sight", 1 - np.prod(1 - curve["hazard"]), rate),
            ("**the curve's rate**", by_curve["rate"][0], rate),
            (
                "mean days of the won, created in the last 180 days",
                lasted[won & young].mean(),
                days,
            ),
            ("mean days of the won, three years", lasted[won].mean(), days),
            ("**the curve's mean days**", by_curve["mean_days"][0], days),
        )
    ]


def rates_of(lab: Lab, level: str, window: str) -> dict[str, NDArray[Any]]:
    """Columns of int_estimates__rates at one level and window."""
    return lab.arrays(
        "select * from intermediate.int_estimates__rates "
        f"where cell_level = '{level}' and estimation_window = '{window}'"
    )


def study_curves(runner: Runner, repetitions: int, seed: int) -> list[Section]:
    """Study the curves, on three times the companies because each takes little time."""
    found = collect(runner.repeat(find_curves, 3 * repetitions, seed))
    sheet = {name: found.pop(name) for name in list(found) if name.startswith(SPREADSHEET)}
    return [report_curves(found), report_spreadsheets(sheet)]


def study_small_cells(runner: Runner, repetitions: int, seed: int) -> list[Section]:
    """Study the cells that are too small to speak for themselves."""
    return [report_small_cells(collect(runner.repeat(find_small_cells, repetitions, seed)))]


def study_drift(runner: Runner, repetitions: int, seed: int) -> list[Section]:
    """Study the verdicts of assumption_drift: false alarms, and what drifted found."""
    table = validate_drift.validate(runner.sql, repetitions, seed)
    lines = [
        "A plan that believed the truth should hardly ever be told that it is in breach, and one",
        "that believed something else should. By `assumption_drift`; ± is the Monte Carlo standard",
        "error; *at most* is the nominal rate of false alarms.",
        "",
        "| study | setting | n | figure | value | at most |",
        "|---|---|---:|---|---:|---:|",
    ]
    checks = []
    for row in table:
        error = "" if np.isnan(row["error"]) else f" ± {row['error']:.3f}"
        most = "" if row["at_most"] is None else f"{row['at_most']:g}"
        lines.append(
            f"| {row['study']} | {row['setting']} | {row['n']} | {row['figure']} "
            f"| {row['value']:.3f}{error} | {most} |"
        )
        if row["at_most"] is not None:
            # A rate of false alarms is itself known to its Monte Carlo error only.
            name = f"drift, {row['study']}, {row['setting']}, n = {row['n']}: {row['figure']}"
            checks.append(Check(name, row["value"], 0, row["at_most"] + 3 * row["error"]))
    return [Section("Drift", lines, checks)]


def table_of_intervals(found: Mapping[str, Estimates]) -> list[str]:
    """Bias, error and coverage of estimates, a line each."""
    lines = [
        "| estimated | estimates | bias | error | 80 % intervals hold | 95 % intervals hold |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, estimates in found.items():
        bias, bias_error = estimates.bias
        shares = [estimates.covered(level) for level in LEVELS]
        lines.append(
            f"| {name} | {len(estimates.value):,} | {100 * bias:+.2f} ± {100 * bias_error:.2f} "
            f"| {100 * estimates.rmse:.2f} "
            + "".join(f"| {100 * share:.1f} ± {100 * error:.1f} % " for share, error in shares)
            + "|"
        )
    return lines


def checks_of(name: str, estimates: Estimates) -> list[Check]:
    """What must hold of estimates with intervals: a point of bias, three points of coverage."""
    return [
        Check(f"{name}: bias, points", 100 * estimates.bias[0], -1, 1),
        *(
            Check(
                f"{name}: {100 * level:.0f} % intervals that hold, %",
                100 * estimates.covered(level)[0],
                100 * level - 3,
                100 * level + 3,
            )
            for level in LEVELS
        ),
    ]


def report_curves(found: Mapping[str, Estimates]) -> Section:
    """Bias and coverage of curves with enough deals."""
    lines = [
        "The share of qualified deals that is won within a year, by `int_estimates__rates`.",
        "*Bias* is the mean error and *error* the root of the mean squared error, both in points",
        "of percent; then the share of the intervals that hold the truth. ± is the Monte Carlo",
        "standard error of the figure before it.",
        "",
        *table_of_intervals(found),
    ]
    checks = [check for name, each in found.items() for check in checks_of(name, each)]
    return Section("Win rates", lines, checks)


def report_small_cells(found: Mapping[str, Estimates]) -> Section:
    """Small cells by themselves and shrunk."""
    own, shrunk = found[OWN], found[SHRUNK]
    lines = [
        f"The win rates of cells with fewer than {SMALL} deals in three years: by their own curve,",
        "and drawn towards the levels above by `int_estimates__shrunk`, as the assumptions have",
        f"them. {100 * own.without_interval:.0f} % of the own curves have no interval, because all",
        "or none of what ended was won.",
        "",
        *table_of_intervals(found),
        "",
        f"Shrinking takes {100 * (1 - shrunk.rmse / own.rmse):.0f} % off the error. A shrunk rate"
        " is biased towards those above it by",
        "design: what it loses by that it gains many times over in error. Its interval rests on a",
        "weight that was itself estimated, from as few cells as there are.",
    ]
    gain = Check(
        "small cells: error shrunk over error by own curve", shrunk.rmse / own.rmse, 0, 0.75
    )
    return Section("Small cells", lines, [*checks_of(SHRUNK, shrunk), gain])


def report_spreadsheets(found: Mapping[str, Estimates]) -> Section:
    """What a spreadsheet makes of the same deals."""
    lines = [
        "The same companies by the arithmetic of spreadsheets. *Error* is the mean of the figure",
        "over the mean of the truth, less 1.",
        "",
        "| arithmetic | mean | truth | error |",
        "|---|---:|---:|---:|",
    ]
    for name, estimates in found.items():
        value, truth = float(np.nanmean(estimates.value)), float(estimates.truth.mean())
        shown = [f"{x:.0f} days" if truth > 1 else f"{100 * x:.1f} %" for x in (value, truth)]
        lines.append(
            f"| {name.removeprefix(SPREADSHEET)} | {shown[0]} | {shown[1]} "
            f"| {100 * (value / truth - 1):+.0f} % |"
        )
    return Section("What a spreadsheet makes of it", lines)


# --- the report -----------------------------------------------------------------------------------
STUDIES: tuple[Study, ...] = (study_curves, study_small_cells, study_drift)
"""Each writes sections of its own. A further method is validated by a further study, appended."""


def render(sections: Sequence[Section], repetitions: int, seed: int) -> str:
    """Render docs/validation.md."""
    checks = [check for section in sections for check in section.checks]
    lines = [
        "# Validation",
        "",
        "Do the estimators find what is true, and do their intervals hold what they promise?",
        "Real data cannot tell, because nobody knows their truth. So companies are drawn whose",
        "truth is known, and the project's own SQL, the compiled models themselves, estimates them",
        "from what their CRM would show on one day.",
        "",
        f"Written by `make validate-methods`: {repetitions:,} repetitions, seed {seed}. A company",
        f"has 24 planning cells and about {DEALS:,} deals that qualified in three years, more of",
        f"them every year, and is read on {AS_OF:%d %B %Y}. A cell's chance of winning is drawn",
        "from a beta distribution around its segment's. Times to win, to lose and to derail are",
        "lognormal. One deal in twenty is never closed. Curves are studied on three companies a",
        "repetition, because they take little time.",
        "",
        "**How to read it.** A bias within twice its ± of zero is no sign of a bias. A 95 %",
        "interval should hold the truth in 95 of 100 cases: with fewer it claims more than is",
        "known, with more it is wider than it need be. The companies are such as the estimators",
        "assume, above all in that deals created now are like those created before. So the figures",
        "say that the arithmetic is right and the errors honest, and nothing of a company whose",
        "rates move.",
    ]
    for section in sections:
        lines += ["", f"## {section.title}", "", *section.lines]
    lines += [
        "",
        "## What must hold",
        "",
        "`make validate-methods` fails if one of these does not.",
        "",
        "| figure | measured | must lie in | |",
        "|---|---:|---:|---|",
    ]
    lines += [
        f"| {check.name} | {check.value:.2f} | {check.low:g} to {check.high:g} "
        f"| {'holds' if check.holds else '**fails**'} |"
        for check in checks
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run every study and write the report; exits with 1 if something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(CompiledModels(Path(folder))(), workers=os.cpu_count() or 1)
        sections = [
            section for study in STUDIES for section in study(runner, asked.repetitions, asked.seed)
        ]
    text = render(sections, asked.repetitions, asked.seed)
    (ROOT / "docs" / "validation.md").write_text(text, encoding="utf-8")
    print(f"docs/validation.md is written ({time.monotonic() - started:.0f} s)")
    failed = [check for section in sections for check in section.checks if not check.holds]
    for check in failed:
        print(f"{check.name}: {check.value:.2f} is not within {check.low:g} to {check.high:g}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
