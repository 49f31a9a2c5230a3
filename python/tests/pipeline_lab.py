"""Small histories of opportunities, and the pipeline of every day found by looking at each of them.

The brute force that the snapshot models must agree with: for every day and every opportunity the last
state that was recorded by the end of the day, and whether that is open pipeline, real, or won.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from compiled import Lab

QUALIFYING, WON, LOST, DERAILED, DELETED = 2, 90, 91, 92, 99
REAL_QUARTERS = 2
"""Close dates further out than this are not real pipeline."""
CALENDAR_STARTS = date(1990, 1, 1)
CELLS = {7: "smb", 8: "enterprise"}


@dataclass(frozen=True)
class State:
    """A recorded state; ``sequence`` puts states of one moment in order, as the CRM's ids do."""

    opportunity: int
    at: datetime
    sequence: int
    stage: int
    amount: Decimal | None
    close_date: date | None


@dataclass
class Total:
    """What stood at the end of a day in one cell, close quarter and stage."""

    count_raw: int = 0
    amount_raw: Decimal = Decimal(0)
    count_real: int = 0
    amount_real: Decimal = Decimal(0)
    squares_real: Decimal = Decimal(0)
    won: Decimal = Decimal(0)
    largest: Decimal = Decimal(0)


Key = tuple[date, int, date | None, int]
"""Day, cell, first day of the close quarter, stage."""


def quarter_start(day: date) -> date:
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def close_quarter(close_date: date | None) -> date | None:
    """First day of the quarter a deal is dated to; none where the calendar does not have the date."""
    return quarter_start(close_date) if close_date and close_date >= CALENDAR_STARTS else None


def quarter_index(day: date) -> int:
    return day.year * 4 + (day.month - 1) // 3


def days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(n) for n in range((last - first).days + 1))


def is_open(stage: int) -> bool:
    return QUALIFYING <= stage < WON


def is_real(state: State, day: date) -> bool:
    """Open with an amount and a close date that is neither past nor too far out."""
    return (
        is_open(state.stage)
        and bool(state.amount)
        and state.close_date is not None
        and state.close_date >= day
        and quarter_index(state.close_date) - quarter_index(day) <= REAL_QUARTERS
    )


def booked_on(history: Sequence[State]) -> date:
    """The closing day of a deal that is won: its close date within what the CRM knew."""
    first = history[-1]
    for state in reversed(history):
        if state.stage != WON:
            break
        first = state
    recorded = first.at.date()
    closing = min(history[-1].close_date or recorded, recorded)
    return max(closing, history[0].at.date())


def known_by(states: Iterable[State], day: date) -> dict[int, list[State]]:
    """Histories as recorded by the end of a day, in order."""
    histories = defaultdict(list)
    midnight = datetime.combine(day + timedelta(1), time())
    for state in sorted(states, key=lambda s: (s.at, s.sequence)):
        if state.at < midnight:
            histories[state.opportunity].append(state)
    return histories


def brute_force(
    states: Sequence[State], cells: dict[int, int], looked_at: Iterable[date]
) -> dict[Key, Total]:
    """Add up every opportunity on every day; what stands at nothing is left out."""
    totals: dict[Key, Total] = defaultdict(Total)
    for day in looked_at:
        for opportunity, history in known_by(states, day).items():
            state = history[-1]
            amount = state.amount or Decimal(0)
            if is_open(state.stage):
                quarter = close_quarter(state.close_date)
                total = totals[day, cells[opportunity], quarter, state.stage]
                total.count_raw += 1
                total.amount_raw += amount
                if is_real(state, day):
                    total.count_real += 1
                    total.amount_real += amount
                    total.squares_real += amount * amount
                    total.largest = max(total.largest, amount)
            elif state.stage == WON and amount:
                quarter = quarter_start(booked_on(history))
                totals[day, cells[opportunity], quarter, WON].won += amount
    return dict(totals)


def load(lab: Lab, states: Sequence[State], cells: dict[int, int], as_of: date) -> None:
    """Put a history into the lab as of a day and build the snapshots of it."""
    midnight = datetime.combine(as_of + timedelta(1), time())
    known = [s for s in states if s.at < midnight]
    lab.run("int_calendar")
    lab.table("int_as_of", rows=[{"as_of_date": as_of, "known_before": midnight}])
    lab.table(
        "int_opportunities__states",
        rows=[
            {
                "opportunity_key": s.opportunity,
                "changed_at": s.at,
                "change_id": f"{s.sequence:06}",
                "is_current": False,
                "is_recorded": True,
                "stage_number": s.stage,
                "amount": s.amount,
                "close_date": s.close_date,
            }
            for s in known
        ],
    )
    lab.seed("stage_map")
    lab.empty("crm_stage_names")
    lab.run(
        "int_stage_map",
        "int_opportunities__versioned",
        "int_opportunities__milestones",
        "int_opportunities__current",
    )
    lab.table(
        "int_opportunities__attributed",
        rows=[
            {
                "opportunity_key": opportunity,
                "cell_key": cells[opportunity],
                "segment": CELLS[cells[opportunity]],
                "deal_type": "new_business",
                "territory": "emea",
                "pipeline_source": "marketing",
                "custom_dimension": "all",
            }
            for opportunity in {s.opportunity for s in known}
        ],
    )
    lab.table(
        "int_cells",
        rows=[
            {
                "cell_key": key,
                "segment": segment,
                "deal_type": "new_business",
                "territory": "emea",
                "pipeline_source": "marketing",
                "custom_dimension": "all",
            }
            for key, segment in CELLS.items()
        ],
    )
    lab.run(
        "int_snapshots__days",
        "int_snapshots__next",
        "int_snapshots__spells",
        "int_snapshots__bookings",
        "int_snapshots__pipeline",
        "int_snapshots__largest",
        "int_snapshots__movements",
    )
