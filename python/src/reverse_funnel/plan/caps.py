"""How much a goal cell can create at most: seeds/policies/creation_caps.csv, set by people.

A cap stands for what money and rules cannot lift in time: rooms at an event, the meetings a team
can hold, accounts that exist. Without a row nothing but the var plan_rush limits a plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from reverse_funnel.errors import Fault, raise_if
from reverse_funnel.plan.goals import VOCABULARIES, planned, read_vocabularies
from reverse_funnel.plan.model import FloatArray, GoalCell, Timeline
from reverse_funnel.plan.months import month_of
from reverse_funnel.plan.seed_rows import FirstOfMonth, Name, parse_rows, unknown_name

CAPS_FILE = Path("policies") / "creation_caps.csv"


class CreationCap(BaseModel):
    """One row of creation_caps.csv: at most so many opportunities in each of some months."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    segment: Name
    deal_type: Name
    territory: Name
    first_month: FirstOfMonth
    last_month: FirstOfMonth
    maximum_count: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    reason: Name
    set_by: Name

    @property
    def cell(self) -> GoalCell:
        """The goal cell it limits."""
        return GoalCell(self.segment, self.deal_type, self.territory)

    def terms(self) -> list[str]:
        """Return what it says, for the hash of a plan's inputs."""
        return [*self.cell, str(self.first_month), str(self.last_month), f"{self.maximum_count:g}"]


_REMEDIES = {
    **{name: f"name the {name} the cap is for" for name in VOCABULARIES},
    "first_month": "write the first day of the month, such as 2026-07-01",
    "last_month": "write the first day of the last month it holds for, such as 2026-12-01",
    "maximum_count": "write the most opportunities in a month, such as 12; 0 for none",
    "reason": "say why no more can be created",
    "set_by": "name who set it",
}


def read_caps(seeds_dir: Path, plan_dimensions: Sequence[str]) -> tuple[CreationCap, ...]:
    """Read and check the caps; none where the file is absent or has no rows.

    Raises `InputError` with every fault: names that no mapping defines, months the wrong way
    round, a month with two caps.
    """
    path = seeds_dir / CAPS_FILE
    if not path.exists():
        return ()
    rows = parse_rows(path, CreationCap, _REMEDIES)
    if rows:
        raise_if(_faults(path, rows, seeds_dir, plan_dimensions))
    return tuple(rows.values())


def laid_out_caps(
    caps: Sequence[CreationCap], goal_cells: Sequence[GoalCell], timeline: Timeline
) -> FloatArray | None:
    """Return (G, N) the most opportunities of each goal cell and month; None without any cap."""
    if not caps:
        return None
    most = np.full((len(goal_cells), len(timeline.period)), np.inf)
    position = {cell: index for index, cell in enumerate(goal_cells)}
    for cap in caps:
        if cap.cell in position:
            first = max(month_of(cap.first_month) - timeline.first_month, 0)
            after = max(month_of(cap.last_month) - timeline.first_month + 1, 0)
            most[position[cap.cell], first:after] = cap.maximum_count
    return most


def _faults(
    path: Path,
    rows: Mapping[int, CreationCap],
    seeds_dir: Path,
    plan_dimensions: Sequence[str],
) -> Iterator[Fault]:
    vocabularies = read_vocabularies(seeds_dir, plan_dimensions)
    seen: dict[tuple[GoalCell, int], int] = {}
    for number, cap in rows.items():
        for dimension, (source, names) in vocabularies.items():
            name = getattr(cap, dimension)
            if name not in names:
                yield unknown_name(path, number, dimension, name, names, source)
        if cap.cell != planned(cap.cell, plan_dimensions):
            yield Fault(
                file=path,
                row=number,
                problem=f"limits {' / '.join(cap.cell)}, finer than plans are made",
                remedy="write all for a dimension that is not among var plan_dimensions",
            )
        if cap.last_month < cap.first_month:
            yield Fault(
                file=path,
                row=number,
                column="last_month",
                problem=f"{cap.last_month} is before {cap.first_month}, the first month",
                remedy="exchange the two",
            )
        for month in range(month_of(cap.first_month), month_of(cap.last_month) + 1):
            earlier = seen.setdefault((cap.cell, month), number)
            if earlier != number:
                yield Fault(
                    file=path,
                    row=number,
                    column="first_month",
                    problem=f"limits a month that row {earlier} limits already",
                    remedy="let the months of two rows not overlap",
                )
                break
