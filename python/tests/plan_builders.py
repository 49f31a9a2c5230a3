"""Small plans for tests: goals files, rows of the mart, and arrays drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reverse_funnel.plan.assumptions import DECIMALS
from reverse_funnel.plan.kernels import delta_kernel
from reverse_funnel.plan.model import Cell, CellAssumptions, Estimate, GoalCell, UpstreamStep

AS_OF = date(2025, 12, 31)
GOALS_HEADER = (
    "fiscal_month,segment,deal_type,territory,bookings_goal,currency,version,approved_at,"
    "approved_by"
)
SMB = Cell("smb", "new_business", "emea", "marketing", "all")
SMB_OUTBOUND = SMB._replace(pipeline_source="ae_outbound")

# A cell in round numbers: a won deal brings 40,000, one in four is won, two months later.
ROUND = {
    "source_mix": 1.0,
    "win_rate": 0.25,
    "won_amount": 40_000.0,
    "won_amount_variation": 0.5,
    "amount_at_qualification": 30_000.0,
    "amount_growth": 1.25,
    "days_qualified_to_won": 61.0,
    "meeting_completed_to_qualified_rate": 0.5,
    "days_meeting_completed_to_qualified": 10.0,
    "meeting_accepted_to_completed_rate": 0.8,
    "days_meeting_accepted_to_completed": 10.0,
    "lead_to_meeting_accepted_rate": 0.1,
    "days_lead_to_meeting_accepted": 20.0,
    "lead_sourced_share": 1.0,
}


def mart_rows(cells: dict[Cell, dict[str, float | None]], **common: Any) -> list[dict[str, Any]]:
    """Return rows of the mart for cells, each `ROUND` but for what is given; None leaves it out."""
    return [
        {
            "parameter": parameter,
            "month_number": None,
            **cell._asdict(),
            "value": None if value is None else Decimal(repr(value)),
            "lower": None,
            "upper": None,
            "n": 120,
            "method": "aalen_johansen",
            "measured_level": "cell",
            "source_level": "segment_deal_type_source",
            "override_value": None,
            "as_of_date": AS_OF,
            **common,
        }
        for cell, given in cells.items()
        for parameter, value in {**ROUND, **given}.items()
    ]


def answers(rows: list[dict[str, Any]]) -> Callable[[str], list[dict[str, Any]]]:
    """Return a query function that knows the assumptions, of a company with nothing booked or open."""
    return lambda sql: rows if "'assumptions'" in sql else []


def goal_lines(
    goals: Iterable[float],
    *,
    cell: GoalCell = SMB.goal_cell,
    start: date = date(2026, 1, 1),
    version: str = "FY2026",
    approved_at: str = "2025-12-10",
) -> list[str]:
    """Return the lines of consecutive months of goals."""
    lines = []
    for index, goal in enumerate(goals):
        month = start.year * 12 + start.month - 1 + index
        day = f"{month // 12}-{month % 12 + 1:02}-01"
        lines.append(f"{day},{','.join(cell)},{goal},USD,{version},{approved_at},CFO")
    return lines


def write_seeds(folder: Path, lines: Sequence[str]) -> Path:
    """Write the mappings and a goals file; return the seeds folder."""
    seeds = folder / "seeds"
    for part in ("mappings", "finance", "targets"):
        (seeds / part).mkdir(parents=True, exist_ok=True)
    (seeds / "mappings" / "segment_rules.csv").write_text(
        "segment,min_employees,max_employees\nsmb,0,99\nenterprise,100,\n"
    )
    (seeds / "mappings" / "deal_type_map.csv").write_text(
        "crm,deal_type_raw,deal_type\nsalesforce,New Business,new_business\n"
        "salesforce,Upsell,expansion\n"
    )
    (seeds / "mappings" / "territory_map.csv").write_text(
        "country,territory\nGermany,emea\nJapan,apac\n"
    )
    (seeds / "finance" / "bookings_goals.csv").write_text(
        "\n".join([GOALS_HEADER, *lines]) + "\n", encoding="utf-8"
    )
    return seeds


def certain(values: Any) -> Estimate:
    """Return an estimate without an interval."""
    value = np.asarray(values, dtype=np.float64)
    return Estimate(
        value=value, lower=np.full_like(value, np.nan), upper=np.full_like(value, np.nan)
    )


def assumptions_from(
    *,
    goal_index: Sequence[int],
    mix: Sequence[float],
    win_rate: Sequence[float],
    won_amount: Sequence[float],
    lag: Sequence[float],
) -> CellAssumptions:
    """Return assumptions of cells named by their position, all meetings in the same month."""
    cells = len(goal_index)
    names = tuple(
        Cell(f"segment{goal:03}", "new", "all", f"source{index:03}", "all")
        for index, goal in enumerate(goal_index)
    )
    return CellAssumptions(
        cells=names,
        goal_cells=tuple(
            GoalCell(f"segment{goal:03}", "new", "all") for goal in range(max(goal_index) + 1)
        ),
        goal_index=np.asarray(goal_index, dtype=np.int64),
        mix=certain(mix),
        win_rate=certain(win_rate),
        won_amount=certain(won_amount),
        won_amount_variation=np.ones(cells),
        amount_at_qualification=certain(won_amount),
        kernel=delta_kernel(np.asarray(lag, dtype=np.float64)),
        upstream=tuple(
            UpstreamStep(
                name=name,
                per_qualified=np.full(cells, 2.0),
                kernel=delta_kernel(np.zeros(cells)),
            )
            for name in ("meeting_completed", "meeting_accepted", "lead")
        ),
        closing=np.ones((cells, 12)),
        creation=np.ones((cells, 12)),
    )


@st.composite
def planning_cells(draw: st.DrawFn, *, unmeasured: bool = False) -> CellAssumptions:
    """Draw one to four goal cells of one to four sources; every goal cell can be reached.

    With `unmeasured`, some sources beside the first of a goal cell lack a win rate.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("goal_index", "mix", "win_rate", "won_amount", "lag")
    }
    for goal in range(draw(st.integers(1, 4))):
        sources = draw(st.integers(1, 4))
        weights = [draw(st.floats(0.05, 1.0)) for _ in range(sources)]
        for source in range(sources):
            columns["goal_index"].append(goal)
            columns["mix"].append(weights[source] / sum(weights))
            rate = draw(st.floats(0.01, 1.0))
            hidden = unmeasured and source > 0 and draw(st.booleans())
            columns["win_rate"].append(np.nan if hidden else rate)
            columns["won_amount"].append(draw(st.floats(100.0, 1e6)))
            columns["lag"].append(draw(st.integers(0, 14)))
    return assumptions_from(**columns)


@st.composite
def goals_for(draw: st.DrawFn, assumptions: CellAssumptions, months: int) -> np.ndarray:
    """Draw (G, months) goals, some of them zero."""
    amount = st.one_of(st.just(0.0), st.floats(1.0, 1e7))
    return draw(arrays(np.float64, (len(assumptions.goal_cells), months), elements=amount))


assert set(ROUND) == {
    name
    for name in DECIMALS
    if not name.startswith("kernel_") and not name.endswith("_seasonality")
}
