"""What a quarter will start with: its parts against looking at every deal, and nothing known too early."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given, settings

from compiled import CompiledModels, CompiledSql, Lab
from pipeline_lab import (
    LOST,
    QUALIFYING,
    REAL_QUARTERS,
    WON,
    State,
    is_open,
    is_real,
    known_by,
    load,
    quarter_index,
)
from test_coverage import add_months, load_coverage
from test_snapshots import AS_OF, EVERYTHING, cells_of, histories

pytestmark = pytest.mark.dbt

STARTING = (
    "int_starting__created",
    "int_starting__kept",
    "int_starting__weeks",
    "int_starting__facts",
    "int_starting__parts",
    "int_starting__forecasts",
    "int_starting__errors",
    "starting_coverage_forecast",
)
YEAR = timedelta(364)


@pytest.fixture(scope="module")
def sql(compiled: CompiledModels) -> CompiledSql:
    return compiled({"real_pipeline_quarters": REAL_QUARTERS})


def build(lab: Lab, states: list[State], goals: dict[date, float], as_of: date) -> None:
    load_coverage(lab, states, goals, as_of)
    lab.table("coverage_owners", rows=[{"segment": "all", "owner": "CMO"}])
    lab.run(*STARTING)


def part_of(state: State, day: date, target: date) -> str:
    """Where an open deal stands, seen from a quarter that starts later."""
    if not is_real(state, day):
        return "not_real"
    assert state.close_date is not None
    offset = quarter_index(state.close_date) - quarter_index(target)
    return {-1: "one_before", 0: "same"}.get(offset, "two_before" if offset < 0 else "later")


def created_on(history: list[State]) -> State | None:
    """The state with which a deal first stood at or beyond the qualifying stage and open."""
    standing = {}
    for state in history:
        standing[state.at] = state  # a later one of the same second replaces it
    return next((state for state in standing.values() if is_open(state.stage)), None)


def quarters_ahead(day: date) -> Iterator[tuple[int, date]]:
    start = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    return ((horizon, add_months(start, 3 * horizon)) for horizon in (1, 2))


def looked_at(states: list[State], days: list[date], as_of: date) -> dict[object, Decimal]:
    """Base and landed amounts by snapshot, horizon and part, from every deal on every day."""
    found: dict[object, Decimal] = defaultdict(Decimal)
    for day in days:
        now = known_by(states, day)
        for horizon, start in quarters_ahead(day):
            for history in now.values():
                state = history[-1]
                if is_open(state.stage) and state.amount:
                    part = part_of(state, day, start)
                    found[day, horizon, part, "base"] += state.amount
            if start > as_of:
                continue
            for opportunity, history in known_by(states, start).items():
                state = history[-1]
                if not is_real(state, start) or part_of(state, start, start) != "same":
                    continue
                before = now.get(opportunity)
                part = "created"
                if before and is_open(before[-1].stage):
                    part = part_of(before[-1], day, start)
                found[day, horizon, part, "landed"] += state.amount or 0
    return {key: amount for key, amount in found.items() if amount}


@settings(max_examples=40, deadline=None)
@example(states=EVERYTHING)
@given(states=histories())
def test_parts_are_what_looking_at_every_deal_gives(sql: CompiledSql, states: list[State]) -> None:
    with sql.lab() as lab:
        load(lab, states, cells_of(states), AS_OF)
        lab.seed("cell_levels")
        lab.empty("int_coverage__goals")
        lab.run(*STARTING[:5])
        days = [
            day for (day,) in lab.query("select snapshot_day from intermediate.int_snapshots__days")
        ]
        found = {
            (day, horizon, part, kind): amount
            for day, horizon, part, base, landed in lab.query(
                "select snapshot_day, horizon, part, base_amount, landed_amount "
                "from intermediate.int_starting__parts where cell_level = 'company'"
            )
            for kind, amount in (("base", base), ("landed", landed))
            if amount and (part, kind) != ("created", "base")
        }
        assert found == looked_at(states, days, AS_OF)


def company(seed: int = 1, quarters: int = 14) -> list[State]:
    """Deals of random amounts that come, slip, change, are won or lost over three and a half years."""
    draw = random.Random(seed)
    states: list[State] = []
    for key in range(2, 2 + 2 * 28 * quarters, 2):
        at = datetime.combine(date(2021, 1, 4) + timedelta(draw.randrange(91 * quarters)), time(9))
        amount = Decimal(draw.randrange(5, 50) * 1000)
        close = at.date() + timedelta(draw.randrange(10, 200))
        sequence = 0
        states.append(State(key, at, sequence, 2, amount, close))
        while True:
            at += timedelta(draw.randrange(5, 60))
            sequence += 1
            lot = draw.random()
            if lot < 0.25:
                close = max(close, at.date()) + timedelta(draw.randrange(20, 120))
                states.append(State(key, at, sequence, 3, amount, close))
            elif lot < 0.45:
                amount = amount * draw.randrange(8, 15) / 10
                states.append(State(key, at, sequence, 3, amount, close))
            else:
                states.append(
                    State(key, at, sequence, WON if lot < 0.65 else LOST, amount, at.date())
                )
                break
    return states


FORECASTS = """
    select close_quarter, cell_level, segment, forecast_start_amount, p10, p90, gap_amount, quarter_count,
        rate_level, bookings_goal, p_sufficient
    from marts.starting_coverage_forecast where as_of_date = ? order by 1, 2, 3
"""
GOALS = {add_months(date(2021, 1, 1), month): 400_000.0 for month in range(60)}


@pytest.mark.parametrize("day", [date(2023, 6, 30), date(2023, 8, 13), date(2024, 1, 1)])
def test_a_past_forecast_is_what_was_forecast_then(sql: CompiledSql, day: date) -> None:
    states = company()
    with sql.lab() as then, sql.lab() as now:
        build(then, states, GOALS, day)
        build(now, states, GOALS, date(2024, 6, 30))
        rows = now.connection.execute(FORECASTS, [day]).fetchall()
        assert rows == then.connection.execute(FORECASTS, [day]).fetchall()
        assert len([row for row in rows if row[3] and row[4]]) >= 4


def test_amounts_twice_as_large_are_forecast_twice_as_large(sql: CompiledSql) -> None:
    states, day = company(), date(2024, 5, 19)
    twice = [
        State(s.opportunity, s.at, s.sequence, s.stage, s.amount and 2 * s.amount, s.close_date)
        for s in states
    ]
    with sql.lab() as one, sql.lab() as two:
        build(one, states, GOALS, day)
        build(two, twice, {month: 2 * goal for month, goal in GOALS.items()}, day)
        pairs = zip(
            one.connection.execute(FORECASTS, [day]).fetchall(),
            two.connection.execute(FORECASTS, [day]).fetchall(),
            strict=True,
        )
        for before, after in pairs:
            assert before[:3] == after[:3]
            for single, double in zip(before[3:7], after[3:7], strict=True):
                assert single is None or float(double) == pytest.approx(2 * float(single), abs=0.05)
            assert before[10] == after[10]


def test_deals_created_after_the_day_change_no_forecast_of_it(sql: CompiledSql) -> None:
    states, day = company(), date(2023, 8, 13)
    more = [
        State(s.opportunity + 10_000, s.at, s.sequence, s.stage, s.amount, s.close_date)
        for s in company(seed=2)
        if min(o.at for o in company(seed=2) if o.opportunity == s.opportunity).date() > day
    ]
    with sql.lab() as one, sql.lab() as two:
        build(one, states, GOALS, date(2024, 6, 30))
        build(two, states + more, GOALS, date(2024, 6, 30))
        assert (
            one.connection.execute(FORECASTS, [day]).fetchall()
            == two.connection.execute(FORECASTS, [day]).fetchall()
        )


def test_the_gap_is_what_is_missing_to_the_coverage_required(sql: CompiledSql) -> None:
    """X-17: 2.2 times forecast where 2.5 are required of 6.67 million is a gap of 2 million."""
    states = [
        State(key, datetime(2024, 1, 10, 9), 0, QUALIFYING, Decimal("1467400"), date(2024, 5, 31))
        for key in range(2, 22, 2)
    ]
    with sql.lab() as lab:
        build(lab, states, {date(2024, 4, 1): 6_670_000.0}, date(2024, 2, 14))
        # Nothing has been seen yet that a forecast could be made from.
        assert lab.query(
            "select distinct forecast_start_amount, gap_amount, p10, owner "
            "from marts.starting_coverage_forecast"
        ) == [(None, None, None, "CMO")]
        lab.connection.execute(
            "update intermediate.int_starting__forecasts set forecast_amount = same_amount;"
            "update marts.pipeline_coverage set required_coverage = 2.5;"
        )
        lab.run("starting_coverage_forecast")
        ((forecast, coverage, gap, deals),) = lab.query(
            "select forecast_start_amount, forecast_coverage, gap_amount, gap_count "
            "from marts.starting_coverage_forecast "
            "where is_latest and horizon = 1 and cell_level = 'company'"
        )
        assert (forecast, round(coverage, 2)) == (Decimal("14674000.00"), 2.2)
        assert gap == Decimal("2001000.00")
        assert deals == pytest.approx(2_001_000 / 1_467_400)


def test_a_cell_with_a_goal_and_no_pipeline_has_a_gap(sql: CompiledSql) -> None:
    """Its gap is all of what is required: nothing is lost for want of pipeline."""
    states = [s for s in company() if s.opportunity % 4 == 0]
    goals = {add_months(date(2021, 1, 1), month): 1000.0 for month in range(60)}
    with sql.lab() as lab:
        build(lab, states, goals, date(2024, 5, 19))
        rows = lab.query(
            "select cell_level, count(*) from marts.starting_coverage_forecast "
            "where is_latest and segment = 'smb' group by 1"
        )
        assert dict(rows)["goal_cell"] == 2
