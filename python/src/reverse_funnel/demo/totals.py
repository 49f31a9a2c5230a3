"""Running totals of what was generated, for truth.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from reverse_funnel.demo.calendar import Floats, Ints, month_index, month_starts, months_between
from reverse_funnel.demo.config import (
    CELL_SHAPE,
    DEAL_TYPES,
    DERAILED,
    LEAD_STATUSES,
    LOST,
    N_CELLS,
    PIPELINE_SOURCES,
    SEGMENTS,
    STAGE_NAMES,
    TERRITORIES,
    WON,
    DemoConfig,
)
from reverse_funnel.demo.lifecycle import AMOUNT_PROMPT, AMOUNT_WITHIN_DAYS, OPEN, Flags
from reverse_funnel.demo.simulation import Block

_DAY = 86_400
_CELL_COUNTS = (
    "created",
    "deleted",
    "ultimate_reached_1",
    "ultimate_qualified",
    "ultimate_won",
    "ultimate_lost",
    "ultimate_derailed",
    "ultimate_never_closed",
    "qualified_by_as_of",
    "won_by_as_of",
)
_MONTHLY = ("qualified_count", "qualified_amount", "won_count", "won_amount")


@dataclass
class Totals:
    """Counts by cell, month and status; fed block by block."""

    config: DemoConfig
    cells: dict[str, Ints] = field(default_factory=dict)
    months: dict[str, Floats] = field(default_factory=dict)
    stages: Ints = field(default_factory=lambda: np.zeros(len(STAGE_NAMES), dtype=np.int64))
    statuses: Ints = field(default_factory=lambda: np.zeros(len(LEAD_STATUSES), dtype=np.int64))
    lead_sources: Ints = field(
        default_factory=lambda: np.zeros((2, len(PIPELINE_SOURCES)), dtype=np.int64)
    )
    never_closed: int = 0
    reopened: int = 0

    def __post_init__(self) -> None:
        count = months_between(self.config.start, self.config.as_of) + 1
        self.cells = {name: np.zeros(N_CELLS, dtype=np.int64) for name in _CELL_COUNTS}
        self.months = {name: np.zeros((count, N_CELLS)) for name in _MONTHLY}

    def add(self, block: Block) -> None:
        """Add one block."""
        leads = block.leads
        self.statuses += np.bincount(leads.status, minlength=len(LEAD_STATUSES))
        for row, source in enumerate((leads.source, leads.source[leads.deal >= 0])):
            self.lead_sources[row] += np.bincount(source, minlength=len(PIPELINE_SOURCES))
        if block.future:
            return
        deals, recorded = block.deals, block.deals.recorded
        kept = ~recorded.deleted
        outcome = deals.lives.outcome
        reached_1 = np.isfinite(deals.lives.stage_at[:, 1])
        qualified = np.isfinite(deals.lives.qualified)
        known = recorded.qualified >= 0
        won = recorded.stage == WON
        for name, chosen in (
            ("created", np.ones(len(deals), dtype=np.bool_)),
            ("deleted", ~kept),
            ("ultimate_reached_1", kept & reached_1),
            ("ultimate_qualified", kept & qualified),
            ("ultimate_won", kept & (outcome == WON)),
            ("ultimate_lost", kept & qualified & (outcome == LOST)),
            ("ultimate_derailed", kept & qualified & (outcome == DERAILED)),
            ("ultimate_never_closed", kept & qualified & (outcome == OPEN)),
            ("qualified_by_as_of", kept & known),
            ("won_by_as_of", kept & won),
        ):
            self.cells[name] += np.bincount(deals.cell[chosen], minlength=N_CELLS)
        self.stages += np.bincount(recorded.stage[kept], minlength=len(STAGE_NAMES))
        self.never_closed += int((kept & (outcome == OPEN)).sum())
        in_time = (deals.timing == AMOUNT_PROMPT) | (deals.timing == AMOUNT_WITHIN_DAYS)
        self._add_months(
            "qualified", kept & known, recorded.qualified // _DAY, deals.cell,
            np.where(in_time, deals.at_qualification, 0.0),
        )  # fmt: skip
        amount = recorded.amount / deals.rate
        self._add_months("won", kept & won, recorded.close_day, deals.cell, amount)

    def _add_months(self, what: str, chosen: Flags, day: Ints, cell: Ints, amount: Floats) -> None:
        month = month_index(day[chosen], self.config.start)
        at = month * N_CELLS + cell[chosen]
        shape = self.months[f"{what}_count"].shape
        size = shape[0] * shape[1]
        self.months[f"{what}_count"] += np.bincount(at, minlength=size).reshape(shape)
        self.months[f"{what}_amount"] += np.bincount(at, amount[chosen], size).reshape(shape)

    def cell_counts(self) -> list[dict[str, int]]:
        """Return the counts of each cell."""
        return [
            {name: int(counts[number]) for name, counts in self.cells.items()}
            for number in range(N_CELLS)
        ]

    def lead_counts(self) -> dict[str, Any]:
        """Leads by status and, all and converted, by pipeline source."""
        return {
            "by_status": dict(zip(LEAD_STATUSES, self.statuses.tolist(), strict=True)),
            "by_pipeline_source": dict(
                zip(PIPELINE_SOURCES, self.lead_sources[0].tolist(), strict=True)
            ),
            "converted_by_pipeline_source": dict(
                zip(PIPELINE_SOURCES, self.lead_sources[1].tolist(), strict=True)
            ),
        }

    def outcomes(self) -> dict[str, int]:
        """Opportunities as of the cut: open, won, lost, derailed and deleted."""
        stages = self.stages.tolist()
        return {
            "open": sum(stages[:WON]),
            "won": stages[WON],
            "lost": stages[LOST],
            "derailed": stages[DERAILED],
            "deleted": int(self.cells["deleted"].sum()),
        }

    def describe(self) -> dict[str, Any]:
        """Everything that is not by cell."""
        starts = month_starts(self.config.start, len(self.months["won_count"]))[:-1]
        return {
            "outcomes_as_of": self.outcomes(),
            "stages_as_of": dict(zip(STAGE_NAMES, self.stages.tolist(), strict=True)),
            "never_closed": self.never_closed,
            "qualified_as_of": int(self.cells["qualified_by_as_of"].sum()),
            "months": [self._month(number, start) for number, start in enumerate(starts)],
            "months_by_segment_deal_type_territory": self._groups(starts),
        }

    def _month(self, number: int, start: date) -> dict[str, Any]:
        sums = {name: float(self.months[name][number].sum()) for name in _MONTHLY}
        return {"month": start.isoformat(), **_plain(sums)}

    def _groups(self, starts: list[date]) -> list[dict[str, Any]]:
        rows = []
        by_group = {
            name: values.reshape(-1, *CELL_SHAPE).sum(axis=4)
            for name, values in self.months.items()
        }
        for number, start in enumerate(starts):
            for at in np.ndindex(*CELL_SHAPE[:3]):
                sums = {name: float(by_group[name][(number, *at)]) for name in _MONTHLY}
                if not any(sums.values()):
                    continue
                names = (SEGMENTS[at[0]], DEAL_TYPES[at[1]], TERRITORIES[at[2]])
                keys = dict(zip(("segment", "deal_type", "territory"), names, strict=True))
                rows.append({"month": start.isoformat(), **keys, **_plain(sums)})
        return rows


def _plain(sums: dict[str, float]) -> dict[str, float | int]:
    return {
        name: int(value) if name.endswith("_count") else round(value, 2)
        for name, value in sums.items()
    }
