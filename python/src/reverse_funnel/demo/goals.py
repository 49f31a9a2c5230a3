"""Finance's bookings goals: what the company can be expected to book, and a stretch on top."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
from numpy.random import default_rng

from reverse_funnel.demo import company as parameters
from reverse_funnel.demo.calendar import (
    Floats,
    Quarters,
    day_number,
    model_day,
    month_starts,
)
from reverse_funnel.demo.company import Company, build_company, creation_months
from reverse_funnel.demo.config import (
    CELL_SHAPE,
    CURRENCIES,
    DEAL_TYPES,
    N_CELLS,
    SEGMENTS,
    TERRITORIES,
    DemoConfig,
)

HEADER = (
    "fiscal_month",
    "segment",
    "deal_type",
    "territory",
    "bookings_goal",
    "currency",
    "version",
    "approved_at",
    "approved_by",
)
GOAL_MONTHS = 24
STRETCH = 1.10
_STRETCH_STEP = 0.04
_ROUND_TO = 1000
_SAMPLES = 600
_LOOK_BACK_MONTHS = 36


def goal_months(config: DemoConfig) -> list[date]:
    """First days of the months of the fiscal year of ``as_of`` and of the next."""
    back = (config.as_of.month - config.fiscal_year_start_month) % 12
    number = config.as_of.year * 12 + config.as_of.month - 1 - back
    return month_starts(date(number // 12, number % 12 + 1, 1), GOAL_MONTHS)[:-1]


def expected_bookings(config: DemoConfig) -> Floats:
    """Compute expected bookings of the months of :func:`goal_months`, in corporate currency.

    Shape (months, segments, deal types, territories). Creation goes on as it grew; times to
    qualify and to win, and the pull to the quarter's end, are integrated over a fixed sample of
    lives, deletions taken off.
    """
    company = build_company()
    quarters = Quarters.of(config.fiscal_year_start_month)
    months = goal_months(config)
    edges = model_day(np.array([day_number(m) for m in [*months, _next(months[-1])]]))
    past = creation_months(config, config.as_of)
    total = past.weight.sum()
    first = max(config.start, _shifted(months[0], -_LOOK_BACK_MONTHS))
    creation = creation_months(config, _shifted(months[-1], 1), first)
    expected = config.opportunities * creation.weight / total * (1 - parameters.DELETED)
    won = company.reach_2 * company.win * company.won_amount * company.share
    share = _month_shares(company, creation.start, creation.stop, edges, quarters)
    by_cell = np.einsum("c,kcm->mk", expected, share) * won.ravel()
    return np.asarray(by_cell.reshape(GOAL_MONTHS, *CELL_SHAPE).sum(axis=4))


def _next(month: date) -> date:
    return _shifted(month, 1)


def _shifted(month: date, by: int) -> date:
    number = month.year * 12 + month.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


def _month_shares(
    company: Company, start: Floats, stop: Floats, edges: Floats, quarters: Quarters
) -> Floats:
    """Of the deals of a cell created in a month that are won, the share won in each month.

    Shape (cells, creation months, months between the edges).
    """
    rng = default_rng(20_260_831)
    stratified = (rng.permuted(np.tile(np.arange(_SAMPLES), (5, 1)), axis=1) + 0.5) / _SAMPLES
    within, route, pull, spread, _ = stratified
    normal_0, normal_1, normal_win = rng.standard_normal((3, _SAMPLES))
    created = start[:, None] + (stop - start)[:, None] * within
    shares = np.empty((N_CELLS, len(start), len(edges) - 1))
    for cell, at in enumerate(np.ndindex(*CELL_SHAPE)):
        direct_2 = company.starts_at_2[at] / company.reach_2[at]
        direct_1 = company.starts_at_1[at] * company.pass_1[at] / company.reach_2[at]
        step_0 = company.median_0[at] * np.exp(parameters.STEP_SIGMA * normal_0)
        step_1 = company.median_1[at] * np.exp(parameters.STEP_SIGMA * normal_1)
        wait = np.where(route < direct_2, 0.0, step_1)
        wait += np.where(route < direct_2 + direct_1, 0.0, step_0)
        qualified = created + wait
        close = qualified + company.median_win[at] * np.exp(parameters.WIN_SIGMA * normal_win)
        close = company.won_pull.apply(close, qualified + 5, quarters, pull, spread)
        month = np.searchsorted(edges, close, side="right") - 1
        inside = (month >= 0) & (month < len(edges) - 1)
        row = np.broadcast_to(np.arange(len(start))[:, None], month.shape)
        flat = row[inside] * (len(edges) - 1) + month[inside]
        counts = np.bincount(flat, minlength=shares[cell].size)
        shares[cell] = counts.reshape(shares[cell].shape) / _SAMPLES
    return shares


def stretch() -> Floats:
    """How much finance asks beyond the expectation; shape (segments, deal types, territories)."""
    segment, deal_type, territory = np.indices(CELL_SHAPE[:3])
    step = (3 * segment + 2 * deal_type + territory) % 5 - 2
    return np.asarray(STRETCH + _STRETCH_STEP * step)


def _round_keeping_sum(values: Floats) -> Floats:
    """Round to thousands so that the parts still add up to the rounded whole."""
    exact = values / _ROUND_TO
    down = np.floor(exact)
    missing = round(float(exact.sum())) - int(down.sum())
    order = np.argsort(-(exact - down), axis=None, kind="stable")
    down.ravel()[order[:missing]] += 1
    return np.asarray(down * _ROUND_TO)


def bookings_goals(config: DemoConfig) -> Floats:
    """Goals of the months of :func:`goal_months`: (months, segments, deal types, territories)."""
    wanted = expected_bookings(config) * stretch()
    return np.stack([_round_keeping_sum(month) for month in wanted])


def write_bookings_goals(path: Path, config: DemoConfig) -> None:
    """Write the finance seed: one row a month, segment, deal type and territory.

    ``fiscal_month`` is the first day of the calendar month. The version is named after the year
    in which the fiscal year of ``as_of`` ends; it was approved three weeks before that year.
    """
    months = goal_months(config)
    goals = bookings_goals(config)
    version = f"FY{_shifted(months[0], 11).year}-board"
    approved = date.fromordinal(months[0].toordinal() - 21).isoformat()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for number, month in enumerate(months):
            for at in np.ndindex(*CELL_SHAPE[:3]):
                names = (SEGMENTS[at[0]], DEAL_TYPES[at[1]], TERRITORIES[at[2]])
                goal = int(goals[(number, *at)])
                writer.writerow(
                    (month.isoformat(), *names, goal, CURRENCIES[0], version, approved, "cfo")
                )
    partial.replace(path)


__all__ = ["bookings_goals", "expected_bookings", "goal_months", "write_bookings_goals"]
