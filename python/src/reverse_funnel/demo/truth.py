"""The truth: what an estimator should find, and what was generated.

True rates follow from the company's parameters alone. They are the rates of the whole life of a
deal and within 365 days, and leave out the closing effect of the calendar, which moves closings
by days to weeks around a quarter's end and changes no outcome.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import default_rng

from reverse_funnel.demo import company as parameters
from reverse_funnel.demo import leads as lead_truth
from reverse_funnel.demo.calendar import Floats, month_starts
from reverse_funnel.demo.company import Company, CreationMonths, creation_months
from reverse_funnel.demo.config import (
    CELL_DIMENSIONS,
    CELL_SHAPE,
    DEAL_TYPES,
    N_CELLS,
    PIPELINE_SOURCES,
    SEGMENTS,
    TERRITORIES,
    DemoConfig,
)
from reverse_funnel.demo.lifecycle import last_stage_when_not_won, stage_fractions
from reverse_funnel.demo.totals import Totals

MONTH_DAYS = 365.25 / 12
KERNEL_MONTHS = 36
HORIZON_DAYS = 365.0
_DRAWS = 100_000
_WITHIN_MONTH = 48

CELL_VALUES = (SEGMENTS, DEAL_TYPES, TERRITORIES, PIPELINE_SOURCES)

DEFINITIONS = {
    "rates": (
        "Share of the deals that reached the first stage that ever reach the second (ultimate), "
        "or do so within 365 days of reaching the first. A skipped stage counts as reached. "
        "Qualified is stage 2. Deleted deals are left out."
    ),
    "win_kernel_age_months": (
        "Share of qualified deals won at an age since qualification of [j, j + 1) months of "
        "30.4375 days, j = 0, 1, ...: analytic, without calendar effect; sums to the ultimate "
        "win rate but for the tail beyond the last month."
    ),
    "win_kernel_calendar_months": (
        "The same by calendar month: won j months after the month of qualification, which is "
        "taken to be uniform within its month; analytic integration, without calendar effect."
    ),
    "amounts": (
        "Means in corporate currency, before rounding in the deal's own currency, converted at "
        "the rate of the month of qualification. won_amount_mean = won_entry_amount_mean * "
        "amount_growth."
    ),
    "totals": (
        "As generated and recorded up to as_of, before any planted fault, deleted deals left "
        "out unless named. ultimate_* count the whole lives, beyond as_of. Months are those of "
        "the recording; amounts those known at qualification (0 where entered more than 7 days "
        "later or never) and at winning."
    ),
}


@dataclass(frozen=True)
class TrueRates:
    """Rates by cell, shape (cells,): ultimate and within a year, by name of the transition."""

    ultimate: dict[str, Floats]
    within_year: dict[str, Floats]


_erf = np.vectorize(math.erf, otypes=[np.float64])


def _lognormal_cdf(days: Floats, median: Floats, sigma: float) -> Floats:
    with np.errstate(divide="ignore"):
        score = np.log(np.maximum(days, 0.0) / median) / sigma
    return np.asarray(0.5 + 0.5 * _erf(score / math.sqrt(2)))


def win_cdf(company: Company, days: Floats) -> Floats:
    """Share of qualified deals won by each age; shape (cells, ages)."""
    timing = _lognormal_cdf(days[None, :], company.median_win.reshape(-1, 1), parameters.WIN_SIGMA)
    return np.asarray(company.win.reshape(-1, 1) * timing)


def win_kernel_by_age(company: Company, months: int = KERNEL_MONTHS) -> Floats:
    """Share of qualified deals won in each month of age; shape (cells, months)."""
    return np.diff(win_cdf(company, np.arange(months + 1, dtype=np.float64) * MONTH_DAYS), axis=1)


def win_kernel_by_calendar_month(company: Company, months: int = KERNEL_MONTHS) -> Floats:
    """Share won so many calendar months after the month of qualification; (cells, months)."""
    within = (np.arange(_WITHIN_MONTH) + 0.5) / _WITHIN_MONTH
    ends = (np.arange(months)[:, None] + 1 - within[None, :]).ravel() * MONTH_DAYS
    won_by = win_cdf(company, ends).reshape(N_CELLS, months, _WITHIN_MONTH).mean(axis=2)
    return np.diff(won_by, axis=1, prepend=0.0)


def true_rates(company: Company) -> TrueRates:
    """Stage-to-stage rates; times in stage by Monte Carlo with one fixed stream for all cells."""
    start_1, start_2 = company.starts_at_1.ravel(), company.starts_at_2.ravel()
    reach_1, reach_2 = company.reach_1.ravel(), company.reach_2.ravel()
    year = np.array([HORIZON_DAYS])
    quick_0 = _lognormal_cdf(year, company.median_0.ravel(), parameters.STEP_SIGMA)
    quick_1 = _lognormal_cdf(year, company.median_1.ravel(), parameters.STEP_SIGMA)
    direct_1 = start_1 + start_2
    ultimate = {
        "0_to_1": reach_1,
        "1_to_2": reach_2 / reach_1,
        "2_to_won": company.win.ravel(),
    }
    within = {
        "0_to_1": direct_1 + (reach_1 - direct_1) * quick_0,
        "1_to_2": (start_2 + (reach_2 - start_2) * quick_1) / reach_1,
        "2_to_won": win_cdf(company, year)[:, 0],
    }
    later_ultimate, later_within = _later_stages(company)
    return TrueRates(
        ultimate={**ultimate, **later_ultimate}, within_year={**within, **later_within}
    )


def _later_stages(company: Company) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Rates from stage 2 to 3, 3 to 4, 4 to 5 and 5 to won."""
    rng = default_rng(20_260_831)
    win, derailed = company.win.ravel(), company.derailed.ravel()
    # (share of qualified deals, factor on the median, sigma, last stages) by kind of ending.
    kinds = (
        (win, 1.0, parameters.WIN_SIGMA, np.full(_DRAWS, 5, dtype=np.int8)),
        (
            derailed,
            parameters.DERAILED_TIME_FACTOR,
            parameters.DERAILED_SIGMA,
            last_stage_when_not_won(_DRAWS, rng),
        ),
        (
            1 - win - derailed,  # lost, and those never closed, which take the times of losses
            parameters.LOST_TIME_FACTOR,
            parameters.LOST_SIGMA,
            last_stage_when_not_won(_DRAWS, rng),
        ),
    )
    median = company.median_win.ravel()
    reach = {stage: np.zeros(N_CELLS) for stage in (2, 3, 4, 5)}
    soon = {stage: np.zeros(N_CELLS) for stage in (3, 4, 5, 6)}
    for share, factor, sigma, last in kinds:
        length = np.exp(sigma * rng.standard_normal(_DRAWS))
        at = np.column_stack([np.zeros(_DRAWS), stage_fractions(last, rng), np.ones(_DRAWS)])
        for stage in (2, 3, 4, 5):
            here = last >= stage
            reach[stage] += share * here.mean()
            onward = here if stage == 5 else last >= stage + 1
            if stage == 5 and share is not win:
                continue
            waits = np.sort(length[onward] * (at[onward, stage - 1] - at[onward, stage - 2]))
            quick = np.searchsorted(waits, HORIZON_DAYS / (median * factor)) / _DRAWS
            soon[stage + 1] += share * quick
    ultimate = {f"{k}_to_{k + 1}": reach[k + 1] / reach[k] for k in (2, 3, 4)}
    within = {f"{k}_to_{k + 1}": soon[k + 1] / reach[k] for k in (2, 3, 4)}
    return {**ultimate, "5_to_won": win / reach[5]}, {**within, "5_to_won": soon[6] / reach[5]}


def _rounded(values: Floats, digits: int = 6) -> list[float]:
    return [round(float(value), digits) for value in values]


def _cells(company: Company, totals: Totals) -> list[dict[str, Any]]:
    rates = true_rates(company)
    by_age = win_kernel_by_age(company)
    by_calendar = win_kernel_by_calendar_month(company)
    counts = totals.cell_counts()
    cells = []
    for number in range(N_CELLS):
        at = np.unravel_index(number, CELL_SHAPE)

        def value(array: Floats, at: tuple[Any, ...] = at) -> float:
            return round(float(array[at]), 9)

        names = {
            dimension: CELL_VALUES[axis][int(at[axis])]
            for axis, dimension in enumerate(CELL_DIMENSIONS)
        }
        cells.append(
            {
                **names,
                "share_of_creation": value(company.share),
                "rates": {
                    name: {
                        "ultimate": round(float(rates.ultimate[name][number]), 6),
                        "within_365_days": round(float(rates.within_year[name][number]), 6),
                    }
                    for name in sorted(rates.ultimate)
                },
                "derailed_share_of_qualified": value(company.derailed),
                "never_closed_share_of_qualified": value(company.zombie),
                "median_days": {
                    "0_to_1": value(company.median_0),
                    "1_to_2": value(company.median_1),
                    "2_to_won": value(company.median_win),
                },
                "win_kernel_age_months": _rounded(by_age[number]),
                "win_kernel_calendar_months": _rounded(by_calendar[number]),
                "amount_at_qualification_mean": round(value(company.amount), 2),
                "won_entry_amount_mean": round(
                    value(company.amount) * parameters.WON_ENTRY_FACTOR, 2
                ),
                "won_amount_mean": round(value(company.won_amount), 2),
                "amount_growth": value(company.growth),
                "generated": counts[number],
            }
        )
    return cells


def _creation(config: DemoConfig) -> dict[str, Any]:
    months: CreationMonths = creation_months(config, config.as_of)
    share = months.weight / months.weight.sum()
    starts = month_starts(months.first, len(share))
    season = np.array(parameters.CREATION_SEASON)
    return {
        "growth_per_year": parameters.CREATION_GROWTH,
        "season_by_calendar_month": _rounded(season / season.mean()),
        "months": [
            {"month": start.isoformat(), "share": round(float(value), 8)}
            for start, value in zip(starts, share, strict=False)
        ],
    }


def _pull(company: Company) -> dict[str, Any]:
    return {
        kind: {
            "share_delayed_within_quarter": pull.delayed,
            "exponent_of_delay": pull.bend,
            "share_brought_forward": pull.advanced,
            "brought_forward_from_first_days": pull.window,
            "brought_forward_to_last_days": pull.target,
        }
        for kind, pull in (("won", company.won_pull), ("lost_or_derailed", company.lost_pull))
    }


def _leads(totals: Totals) -> dict[str, Any]:
    return {
        "ever_converted_by_pipeline_source": dict(
            zip(PIPELINE_SOURCES, parameters.LEAD_CONVERSION, strict=True)
        ),
        "deals_from_a_lead_by_pipeline_source_new_business": dict(
            zip(PIPELINE_SOURCES, parameters.LEAD_BACKED, strict=True)
        ),
        "median_days_to_conversion_by_pipeline_source": dict(
            zip(PIPELINE_SOURCES, parameters.LEAD_LAG_MEDIAN, strict=True)
        ),
        "response_median_minutes": dict(
            zip(("Hot", "Warm", "Cold"), lead_truth.RESPONSE_MEDIAN_MINUTES, strict=True)
        ),
        "response_sigma_of_log": lead_truth.RESPONSE_SIGMA,
        "never_touched_share_of_never_converted": dict(
            zip(("Hot", "Warm", "Cold"), lead_truth.IGNORED_SHARE, strict=True)
        ),
        "recycled_share_of_accepted": lead_truth.RECYCLED_SHARE,
        "score_parts_shift_in_standard_deviations": dict(
            zip(("demographic", "behavioral", "intent"), lead_truth.SCORE_SHIFT, strict=True)
        ),
        "score_weights_by_model": dict(
            zip(("v1", "v2", "v3"), lead_truth.SCORE_WEIGHTS, strict=True)
        ),
        "score_auc_by_model_before_clipping": {
            model: round(float(lead_truth.score_auc(version)), 4)
            for version, model in enumerate(("v1", "v2", "v3"))
        },
        "generated": totals.lead_counts(),
    }


def describe(
    config: DemoConfig,
    company: Company,
    totals: Totals,
    planted: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return everything truth.json says; ``planted`` are the faults of each CRM."""
    return {
        "format": 1,
        "config": {
            "crm": config.crm,
            "opportunities": config.opportunities,
            "seed": config.seed,
            "as_of": config.as_of.isoformat(),
            "first_month": config.start.isoformat(),
            "dirty": config.dirty,
            "fiscal_year_start_month": config.fiscal_year_start_month,
            "currencies": list(config.currencies),
        },
        "definitions": DEFINITIONS,
        "creation": _creation(config),
        "closing_effect": _pull(company),
        "recording": {
            "logged_late_share": parameters.LATE_LOGGED,
            "stage_skipped_share": parameters.SKIP_STAGE,
            "deleted_share": parameters.DELETED,
            "duplicate_share": parameters.DUPLICATE,
            "amount_missing_at_qualification": {
                "filled_within_days": parameters.MISSING_AMOUNT[0],
                "filled_after_8_to_20_days": parameters.MISSING_AMOUNT[1],
                "never_filled_unless_won": parameters.MISSING_AMOUNT[2],
            },
            "whale_share": parameters.WHALE_SHARE,
            "accounts_resegmented_share": parameters.RESEGMENTED,
        },
        "cells": _cells(company, totals),
        "leads": _leads(totals),
        "totals": totals.describe(),
        "planted_faults": planted[config.crms[0]],
        "planted_faults_by_crm": planted,
    }


def partial_path(path: Path) -> Path:
    """Return where the truth waits until the tables it speaks of are in place."""
    return path.with_name(path.name + ".partial")


def write_truth(path: Path, truth: dict[str, Any]) -> None:
    """Write the truth as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
