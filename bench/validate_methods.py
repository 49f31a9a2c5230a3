"""Validate the estimators on companies whose truth is known; writes docs/validation.md.

Small companies are drawn and simulated (python/tests/small_company.py), the project's own SQL
estimates their win rates from what their CRM shows on one day, and the estimates are compared with
the truth: is there a bias, and do the intervals hold what they promise?

Usage: make validate-methods, or python bench/validate_methods.py --repetitions 400
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python" / "tests"))

from compiled import CompiledModels, CompiledSql, Lab  # noqa: E402
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


Study = Callable[[CompiledSql, int, int], list[Section]]
"""(sql, repetitions, seed) -> sections of the report."""


@dataclass
class Estimates:
    """Estimates of one quantity with their standard errors and the truth, one entry an estimate."""

    value: list[float] = field(default_factory=list)
    std_error: list[float] = field(default_factory=list)
    truth: list[float] = field(default_factory=list)

    def add(self, value: Any, std_error: Any, truth: Any) -> None:
        """Append one estimate, or an array of them."""
        for column, new in ((self.value, value), (self.std_error, std_error), (self.truth, truth)):
            column.extend(np.atleast_1d(np.asarray(new, dtype=np.float64)).tolist())

    @property
    def error(self) -> Floats:
        """Estimate minus truth."""
        return np.array(self.value) - np.array(self.truth)

    @property
    def bias(self) -> float:
        """Mean error."""
        return float(np.nanmean(self.error))

    @property
    def bias_error(self) -> float:
        """Monte Carlo standard error of the bias."""
        known = self.error[~np.isnan(self.error)]
        return float(np.std(known, ddof=1) / np.sqrt(len(known)))

    @property
    def rmse(self) -> float:
        """Root of the mean squared error."""
        return float(np.sqrt(np.nanmean(self.error**2)))

    def covered(self, level: float) -> tuple[float, float]:
        """Share of the intervals that hold the truth, and its Monte Carlo error."""
        low, high = interval(np.array(self.value), np.array(self.std_error), level)
        exists = ~np.isnan(low)
        truth = np.array(self.truth)[exists]
        share = float(np.mean((low[exists] <= truth) & (truth <= high[exists])))
        return share, float(np.sqrt(share * (1 - share) / exists.sum()))


def interval(value: Floats, std_error: Floats, level: float) -> tuple[Floats, Floats]:
    """Bounds of a share on the complementary log-log scale, as the mart ``assumptions`` has them.

    Not a number where the mart has none: without a standard error, and for none or all.
    """
    z = stats.norm.ppf(0.5 + level / 2)
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


@dataclass
class WinRates:
    """What the repetitions of the study of win rates have found."""

    curves: dict[str, Estimates] = field(default_factory=dict)
    """By what was estimated; intervals must hold what they promise."""
    small_cells: dict[str, Estimates] = field(default_factory=dict)
    """The same small cells by their own curves and shrunk."""
    spreadsheet: dict[str, Estimates] = field(default_factory=dict)
    """By what a spreadsheet would do."""


def planning_windows() -> list[Window]:
    """Return the project's windows as of ``AS_OF``, with one quarter of lookback."""
    ends = (AS_OF - FIRST_DAY).days + 1
    return [
        Window("all_time", ends - HISTORY_DAYS, ends),
        Window("lookback", ends - 91, ends),
        Window("prior_year", ends - 91 - 364, ends - 364),
    ]


def estimate(lab: Lab, company: Company, spells: Spells) -> None:
    """Run the project's SQL from the spells of a company to its shrunk win rates."""
    give_windows(lab, planning_windows())
    give_cells(lab, company.cells)
    give_spells(
        lab,
        cell=spells.cell,
        entered_on=spells.entered_on,
        left_on=spells.left_on,
        cause=spells.cause,
    )
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


def win_rates(sql: CompiledSql, repetitions: int, seed: int) -> WinRates:
    """Draw companies, estimate them, and collect estimates and truths."""
    found = WinRates()
    for repetition in range(repetitions):
        rng = default_rng([seed, repetition])
        company = draw_company(rng)
        spells = simulate(company, rng)
        with sql.lab() as lab:
            estimate(lab, company, spells)
            add_curves(lab, found.curves, company)
            add_small_cells(lab, found.small_cells, company)
            add_mistakes(lab, found.spreadsheet, company, spells)
    return found


def add_curves(lab: Lab, found: dict[str, Estimates], company: Company) -> None:
    """Add the win rates of the company and its segments."""
    won = company.won_by(HORIZON)
    for name, window in (("all deals ever", "all_time"), ("one quarter", "lookback")):
        row = rates_of(lab, "company", window)
        found.setdefault(f"company, {name}", Estimates()).add(
            row["rate"], row["std_error"], company.share @ won
        )
    row = rates_of(lab, "segment", "all_time")
    for number, segment in enumerate(SEGMENTS):
        at, members = row["segment"] == segment, company.segment == number
        found.setdefault("segments, all deals ever", Estimates()).add(
            row["rate"][at],
            row["std_error"][at],
            np.average(won[members], weights=company.share[members]),
        )


def add_small_cells(lab: Lab, found: dict[str, Estimates], company: Company) -> None:
    """Add the win rates of the small cells, by their own curves and as the project shrinks them."""
    won = dict(zip(company.cells, company.won_by(HORIZON), strict=True))
    for *cell, own, own_std_error, shrunk, std_error in lab.query(
        f"select {', '.join(CELL_COLUMNS)}, evidence.own_value, evidence.own_std_error, "
        "shrunk.value, shrunk.scaled_std_error "
        "from intermediate.int_estimates__shrunk as shrunk "
        "join intermediate.int_estimates__evidence as evidence "
        f"using (parameter, cell_level, {', '.join(CELL_COLUMNS)}) "
        f"where parameter = 'win_rate' and cell_level = 'cell' and shrunk.own_n < {SMALL}"
    ):
        truth = won[tuple(cell)]
        found.setdefault("own curve", Estimates()).add(own, own_std_error, truth)
        found.setdefault("shrunk", Estimates()).add(shrunk, std_error, truth)


def rates_of(lab: Lab, level: str, window: str) -> dict[str, NDArray[Any]]:
    """Columns of int_estimates__rates at one level and window."""
    return lab.arrays(
        "select * from intermediate.int_estimates__rates "
        f"where cell_level = '{level}' and estimation_window = '{window}'"
    )


def add_mistakes(lab: Lab, found: dict[str, Estimates], company: Company, spells: Spells) -> None:
    """Do what a spreadsheet would with the same spells."""
    rate = float(company.share @ company.won_by(HORIZON))
    days = company.mean_days(HORIZON)
    won, closed = spells.cause == ADVANCED, spells.cause != OPEN
    age_now = (np.datetime64(AS_OF) - spells.entered_on).astype(np.int64)
    lasted = (spells.left_on - spells.entered_on).astype(np.int64)
    curve = lab.arrays(
        "select advanced_count / at_risk_count as hazard from intermediate.int_estimates__curves "
        f"where cell_level = 'company' and estimation_window = 'all_time' and age_days <= {HORIZON}"
    )
    by_curve = rates_of(lab, "company", "all_time")
    figures: dict[str, tuple[Any, float]] = {
        "won ÷ created, last 90 days": (won[age_now < 90].mean(), rate),
        "won ÷ created, last 180 days": (won[age_now < 180].mean(), rate),
        "won ÷ created, three years": (won.mean(), rate),
        "won ÷ closed, created in the last 180 days": (
            won[age_now < 180].sum() / closed[age_now < 180].sum(),
            rate,
        ),
        "won ÷ closed, three years": (won.sum() / closed.sum(), rate),
        "Kaplan–Meier, losses taken as out of sight": (1 - np.prod(1 - curve["hazard"]), rate),
        "**the curve's rate**": (by_curve["rate"], rate),
        "mean days of the won, created in the last 180 days": (
            lasted[won & (age_now < 180)].mean(),
            days,
        ),
        "mean days of the won, three years": (lasted[won].mean(), days),
        "**the curve's mean days**": (by_curve["mean_days"], days),
    }
    for name, (value, expected) in figures.items():
        found.setdefault(name, Estimates()).add(value, np.nan, expected)


def report_win_rates(sql: CompiledSql, repetitions: int, seed: int) -> list[Section]:
    """Study the win rates: three sections of the report."""
    found = win_rates(sql, repetitions, seed)
    return [
        report_curves(found.curves),
        report_small_cells(found.small_cells),
        report_mistakes(found.spreadsheet),
    ]


def report_curves(found: dict[str, Estimates]) -> Section:
    """Bias and coverage of curves with enough deals."""
    lines = [
        "The share of qualified deals that is won within a year, by `int_estimates__rates`. The",
        "truth is known from the parameters the companies were drawn with. *Bias* is the mean error",
        "in points of percent; the columns after it are the share of the intervals that hold the",
        "truth. ± is the Monte Carlo standard error of the figure before it.",
        "",
        "| estimated | estimates | bias, points | root mean squared error, points "
        "| 80 % intervals hold | 95 % intervals hold |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    checks = []
    for name, estimates in found.items():
        shares = [estimates.covered(level) for level in LEVELS]
        lines.append(
            f"| {name} | {len(estimates.value):,} "
            f"| {100 * estimates.bias:+.2f} ± {100 * estimates.bias_error:.2f} "
            f"| {100 * estimates.rmse:.2f} "
            + "".join(f"| {share:.1%} ± {error:.1%} " for share, error in shares)
            + "|"
        )
        checks.append(Check(f"bias of {name}, points", 100 * estimates.bias, -1, 1))
        checks += [
            Check(f"{level:.0%} intervals of {name}", share, level - 0.03, level + 0.03)
            for level, (share, _) in zip(LEVELS, shares, strict=True)
        ]
    return Section("Win rates", lines, checks)


def report_small_cells(found: dict[str, Estimates]) -> Section:
    """Small cells by themselves and shrunk."""
    own, shrunk = found["own curve"], found["shrunk"]
    missing = np.isnan(interval(np.array(own.value), np.array(own.std_error), 0.95)[0]).mean()
    lines = [
        f"Cells with fewer than {SMALL} deals in three years, by their own curve and by",
        "`int_estimates__shrunk`, which draws them towards the level above. "
        f"{missing:.0%} of the own",
        "curves have no interval: nothing was won, or nobody was left.",
        "",
        "| estimated by | estimates | bias, points | root mean squared error, points "
        "| 80 % intervals hold | 95 % intervals hold |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, estimates in found.items():
        shares = [estimates.covered(level) for level in LEVELS]
        lines.append(
            f"| {name} | {len(estimates.value):,} "
            f"| {100 * estimates.bias:+.2f} ± {100 * estimates.bias_error:.2f} "
            f"| {100 * estimates.rmse:.2f} "
            + "".join(f"| {share:.1%} ± {error:.1%} " for share, error in shares)
            + "|"
        )
    lines += [
        "",
        f"Shrinking takes {1 - shrunk.rmse / own.rmse:.0%} off the error.",
    ]
    return Section(
        "Small cells",
        lines,
        [
            Check("bias of shrunk small cells, points", 100 * shrunk.bias, -1, 1),
            Check(
                "error of shrunk small cells over that of their own curves",
                shrunk.rmse / own.rmse,
                0,
                0.9,
            ),
            *(
                Check(
                    f"{level:.0%} intervals of shrunk small cells",
                    shrunk.covered(level)[0],
                    level - 0.03,
                    level + 0.03,
                )
                for level in LEVELS
            ),
        ],
    )


def report_mistakes(found: dict[str, Estimates]) -> Section:
    """What a spreadsheet makes of the same deals."""
    lines = [
        "The same companies, by the arithmetic that spreadsheets do. *Error* is the mean of the",
        "figure over the mean of the truth, less 1.",
        "",
        "| arithmetic | mean | truth | error |",
        "|---|---:|---:|---:|",
    ]
    for name, estimates in found.items():
        value, truth = np.nanmean(estimates.value), np.mean(estimates.truth)
        shown = (
            (f"{value:.0f} d", f"{truth:.0f} d") if truth > 1 else (f"{value:.1%}", f"{truth:.1%}")
        )
        error = np.nanmean(estimates.value) / np.mean(estimates.truth) - 1
        lines.append(f"| {name} | {shown[0]} | {shown[1]} | {error:+.0%} |")
    return Section("What a spreadsheet makes of it", lines)


# --- the report -----------------------------------------------------------------------------------
STUDIES: tuple[Study, ...] = (report_win_rates,)
"""Each writes sections of its own; a further method is validated by a further study."""


def render(sections: Sequence[Section], repetitions: int, seed: int) -> str:
    """Render docs/validation.md."""
    checks = [check for section in sections for check in section.checks]
    lines = [
        "# Validation",
        "",
        "Do the estimators find what is true, and do their intervals hold what they promise? Real",
        "data cannot tell, because nobody knows its truth. So companies are drawn whose truth is",
        "known, and the project's own SQL, the compiled models themselves, estimates them from what",
        "their CRM would show on one day.",
        "",
        f"Written by `make validate-methods`: {repetitions:,} companies, seed {seed}. Each has 24 "
        "planning",
        f"cells, about {DEALS:,} qualified deals in three years, more of them every year, and is read",
        f"on {AS_OF:%d %B %Y}. A cell's chance of winning is drawn from a beta distribution around its",
        "segment's; times to win, lose and derail are lognormal; one deal in twenty is never closed.",
        "",
        "**How to read it.** A bias within two of its ± of zero is no sign of a bias. An interval of",
        "95 % should hold the truth in 95 of 100 companies: fewer, and it claims more than is known;",
        "more, and it is wider than it need be. The simulated companies keep the assumptions of the",
        "estimators, above all that deals created now are like those created before, so the figures",
        "say that the arithmetic is right and the errors honest. They say nothing about a company",
        "whose rates are moving.",
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
        f"| {check.name} | {check.value:.3f} | {check.low:.2f} to {check.high:.2f} "
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
        sql = CompiledModels(Path(folder))()
        sections = [
            section for study in STUDIES for section in study(sql, asked.repetitions, asked.seed)
        ]
    text = render(sections, asked.repetitions, asked.seed)
    (ROOT / "docs" / "validation.md").write_text(text, encoding="utf-8")
    print(f"docs/validation.md is written ({time.monotonic() - started:.0f} s)")
    failed = [check for section in sections for check in section.checks if not check.holds]
    for check in failed:
        print(f"{check.name}: {check.value:.3f} is not within {check.low:.2f} to {check.high:.2f}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
