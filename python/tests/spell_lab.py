"""Spells to run the curves on: what a test must say of them, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiled import Lab

OPEN, ADVANCED, LOST, DERAILED = range(4)
"""Causes of int_estimates__spells."""
QUALIFIED, WON = 2, 90
"""The stages from and to which a spell leads unless a test says otherwise."""

CELL_COLUMNS = ("segment", "deal_type", "territory", "pipeline_source", "custom_dimension")
FIRST_DAY = date(2020, 1, 6)


@dataclass(frozen=True)
class Spell:
    """One opportunity in one stage; days are counted from ``FIRST_DAY``."""

    entered: int
    left: int
    cause: int
    cell: int = 0


@dataclass(frozen=True)
class Window:
    """An estimation window: [starts, ends) in days from ``FIRST_DAY``."""

    name: str
    starts: int
    ends: int


ALWAYS = Window("all_time", -10_000, 10_000)


def day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


def aged(ages: Sequence[int], causes: Sequence[int], cell: int = 0) -> list[Spell]:
    """Spells that all begin on the first day, by the age at which they end."""
    return [Spell(0, age, cause, cell) for age, cause in zip(ages, causes, strict=True)]


def give_windows(lab: Lab, windows: Sequence[Window]) -> None:
    lab.table(
        "int_estimates__windows",
        rows=[
            {
                "window_kind": "planning",
                "estimation_window": window.name,
                "starts_on": day(window.starts),
                "ends_before": day(window.ends),
            }
            for window in windows
        ],
    )


def give_cells(lab: Lab, cells: Sequence[tuple[str, ...]]) -> None:
    """Cells by their number, each the values of ``CELL_COLUMNS`` in order."""
    lab.table(
        "int_cells",
        rows=[
            {"cell_key": number, **dict(zip(CELL_COLUMNS, cell, strict=True))}
            for number, cell in enumerate(cells)
        ],
    )


def give_spells(
    lab: Lab,
    *,
    cell: NDArray[Any],
    entered_on: NDArray[Any],
    left_on: NDArray[Any],
    cause: NDArray[Any],
) -> None:
    """Spells as arrays, dates as datetime64."""
    lab.table(
        "int_estimates__spells",
        columns={
            "cell_key": cell,
            "from_stage": QUALIFIED,
            "to_stage": WON,
            "entered_on": entered_on,
            "left_on": left_on,
            "cause": cause,
        },
    )


def measure(
    lab: Lab,
    spells: Sequence[Spell],
    windows: Sequence[Window] = (ALWAYS,),
    cells: Sequence[tuple[str, ...]] | None = None,
) -> None:
    """Run curves and rates over the spells. Cell n is segment "s<n>" unless ``cells`` are given."""
    count = 1 + max(spell.cell for spell in spells)
    give_windows(lab, windows)
    give_cells(lab, cells or [(f"s{n}", "new", "home", "web", "all") for n in range(count)])
    start = np.datetime64(FIRST_DAY)
    give_spells(
        lab,
        cell=np.array([spell.cell for spell in spells]),
        entered_on=start + np.array([spell.entered for spell in spells]),
        left_on=start + np.array([spell.left for spell in spells]),
        cause=np.array([spell.cause for spell in spells]),
    )
    lab.seed("cell_levels")
    lab.run("int_estimates__curves", "int_estimates__rates")


def curves(lab: Lab, columns: Sequence[str], where: str = "true") -> list[tuple[Any, ...]]:
    """Rows of the curves in a fixed order, without the keys unless asked for."""
    key = f"estimation_window, cell_level, {', '.join(CELL_COLUMNS)}, age_days"
    return lab.query(
        f"select {', '.join(columns)} from intermediate.int_estimates__curves "
        f"where {where} order by {key}"
    )
