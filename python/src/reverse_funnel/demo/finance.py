"""Finance's view of the simulated company: who sells, and what pipeline and selling cost."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from reverse_funnel.demo import people
from reverse_funnel.demo.calendar import Floats, Ints, day_of, month_starts, to_day
from reverse_funnel.demo.company import DELETED, build_company, creation_months
from reverse_funnel.demo.config import (
    CELL_SHAPE,
    PIPELINE_SOURCES,
    SEGMENTS,
    TERRITORIES,
    DemoConfig,
)
from reverse_funnel.demo.goals import goal_months
from reverse_funnel.demo.simulation import build_setting

HEADCOUNT_HEADER: Final = ("role", "segment", "territory", "headcount", "hired_on", "left_on")
COSTS_HEADER: Final = ("fiscal_month", "category", "pipeline_source", "segment", "amount")

COST_PER_OPPORTUNITY: Final = (3900.0, 5400.0, 6100.0, 2400.0, 1650.0, 800.0)
"""True cost of a qualified opportunity, by pipeline source; marketing's next to finance's
standard cost in ``seeds/finance/source_costs.csv`` has grown."""
MARKETING_TO_ENTERPRISE: Final = 1.35
"""Marketing's cost of an enterprise opportunity over that of the others."""
AE_COST: Final = (90_000.0, 155_000.0, 270_000.0)
"""Cost of an account executive a year, by segment, as in ``seeds/policies/ae_policy.csv``."""
SELLING_ON_TOP: Final = 1.30
"""Managers, sales engineers and tools: cost of selling over the cost of account executives."""
OVERHEAD_SHARE: Final = 0.10
"""Overhead over the cost of selling."""
_ROLES: Final = {people.AE: "ae", people.SDR: "sdr"}
_ROUND_TO: Final = 100


def headcount_rows(config: DemoConfig) -> list[tuple[str, str, str, int, str, str]]:
    """Return the rows of the seed ``headcount``: all who were ever hired, by team and days.

    The team is that of :func:`reverse_funnel.demo.people.build_organisation`; development reps
    have no segment. ``left_on`` is empty for those still there.
    """
    users = build_setting(config).organisation.users
    hired: Ints = to_day(users.start)
    left = np.where(np.isfinite(users.end), users.end, 0.0)
    gone: Ints = to_day(left)
    counted: Counter[tuple[str, str, str, str, str]] = Counter()
    for user in np.flatnonzero(np.isin(users.kind, list(_ROLES))).tolist():
        segment, territory = divmod(int(users.group[user]), len(TERRITORIES))
        is_ae = users.kind[user] == people.AE
        counted[
            _ROLES[int(users.kind[user])],
            SEGMENTS[segment] if is_ae else "",
            TERRITORIES[territory],
            day_of(int(hired[user])).isoformat(),
            day_of(int(gone[user])).isoformat() if np.isfinite(users.end[user]) else "",
        ] += 1
    return sorted(
        (role, segment, territory, number, start, end)
        for (role, segment, territory, start, end), number in counted.items()
    )


def cost_months(config: DemoConfig) -> list[date]:
    """First days of the months from the fiscal year before that of ``as_of`` to ``as_of``."""
    first = goal_months(config)[0]
    months = month_starts(date(first.year - 1, first.month, 1), 25)[:-1]
    return [month for month in months if month <= config.as_of]


def expected_qualified(config: DemoConfig) -> Floats:
    """Opportunities to be expected to qualify in the months of :func:`cost_months`.

    Shape (months, segments, pipeline sources). They count in the month of their creation.
    """
    company = build_company()
    past = creation_months(config, config.as_of)
    months = creation_months(config, config.as_of, max(cost_months(config)[0], config.start))
    created = config.opportunities * months.weight / past.weight.sum() * (1 - DELETED)
    by_cell = (company.share * company.reach_2).reshape(CELL_SHAPE).sum(axis=(1, 2))
    return np.asarray(created[:, None, None] * by_cell)


def cost_rows(config: DemoConfig) -> list[tuple[str, str, str, str, int]]:
    """Return the rows of the seed ``costs``, in corporate currency, rounded to hundreds.

    Pipeline generation by source, marketing's by segment; selling by segment, from the account
    executives at work on the first day of the month; overhead for all.
    """
    qualified = expected_qualified(config)
    months = cost_months(config)[-len(qualified) :]
    team = headcount_rows(config)
    rows: list[tuple[str, str, str, str, int]] = []
    for number, month in enumerate(months):
        day = month.isoformat()
        for source, name in enumerate(PIPELINE_SOURCES):
            spent = COST_PER_OPPORTUNITY[source] * qualified[number, :, source]
            if name == "marketing":
                spent[-1] *= MARKETING_TO_ENTERPRISE
                rows += [
                    (day, "pipeline_generation", name, segment, _round(amount))
                    for segment, amount in zip(SEGMENTS, spent.tolist(), strict=True)
                ]
            else:
                rows.append((day, "pipeline_generation", name, "", _round(float(spent.sum()))))
        selling = 0.0
        for segment, cost in zip(SEGMENTS, AE_COST, strict=True):
            heads = sum(
                row[3]
                for row in team
                if row[:2] == ("ae", segment) and row[4] <= day and (not row[5] or day < row[5])
            )
            sold_for = heads * cost / 12 * SELLING_ON_TOP
            selling += sold_for
            rows.append((day, "sales", "", segment, _round(sold_for)))
        rows.append((day, "overhead", "", "", _round(selling * OVERHEAD_SHARE)))
    return rows


def _round(amount: float) -> int:
    return round(amount / _ROUND_TO) * _ROUND_TO


def write_headcount(path: Path, config: DemoConfig) -> None:
    """Write the finance seed ``headcount``; the rows are those of :func:`headcount_rows`."""
    _write(path, HEADCOUNT_HEADER, headcount_rows(config))


def write_costs(path: Path, config: DemoConfig) -> None:
    """Write the finance seed ``costs``; the rows are those of :func:`cost_rows`."""
    _write(path, COSTS_HEADER, cost_rows(config))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    partial.replace(path)


__all__ = ["cost_rows", "headcount_rows", "write_costs", "write_headcount"]
