"""The pipeline of past days, rebuilt by adding up what changed, against looking at every deal on every day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiled import CompiledModels, CompiledSql, Lab
from pipeline_lab import (
    CELLS,
    DELETED,
    DERAILED,
    LOST,
    REAL_QUARTERS,
    WON,
    State,
    Total,
    brute_force,
    load,
    quarter_index,
)

pytestmark = pytest.mark.dbt

FIRST = date(2024, 2, 20)
AS_OF = date(2024, 11, 14)
"""A Thursday in the middle of a quarter: the last week is not over."""


@pytest.fixture(scope="module")
def sql(compiled: CompiledModels) -> CompiledSql:
    return compiled({"real_pipeline_quarters": REAL_QUARTERS})


def state(
    opportunity: int,
    at: str,
    stage: int,
    amount: float | None = 100,
    close: str | None = "2024-09-30",
    sequence: int = 0,
) -> State:
    """One state; ``at`` and ``close`` as ISO text."""
    return State(
        opportunity,
        datetime.fromisoformat(at),
        sequence,
        stage,
        None if amount is None else Decimal(str(amount)),
        None if close is None else date.fromisoformat(close),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[State]:
    """Draw lives of a few opportunities in which everything that can happen happens.

    Few moments, so that many states share a second; stages in any order, which gives reopenings,
    regressions below the qualifying stage, deletions and deals that are won at once.
    """
    moments = st.builds(
        lambda day, hour: datetime(2024, 2, 20) + timedelta(days=day, hours=hour),
        st.one_of(st.integers(0, 275), st.sampled_from([41, 61, 132, 152, 160])),
        st.sampled_from([0, 9, 9, 23]),
    )
    close = st.one_of(
        st.none(),
        st.dates(date(2024, 1, 1), date(2025, 12, 31)),
        st.sampled_from([date(2024, 3, 31), date(2024, 4, 1), date(2024, 9, 30), date(1989, 1, 1)]),
    )
    stage = st.sampled_from([0, 1, 2, 2, 3, 4, 5, WON, WON, LOST, DERAILED, DELETED])
    cents = st.one_of(st.integers(0, 40000), st.integers(0, 99_999_999_999))
    amount = st.one_of(st.none(), cents.map(lambda number: Decimal(number) / 100))
    drawn: list[State] = []
    for opportunity in range(1, draw(st.integers(1, 5)) + 1):
        for _ in range(draw(st.integers(1, 7))):
            drawn.append(
                State(
                    opportunity, draw(moments), len(drawn), draw(stage), draw(amount), draw(close)
                )
            )
    return drawn


def cells_of(states: list[State]) -> dict[int, int]:
    return {s.opportunity: sorted(CELLS)[s.opportunity % 2] for s in states}


def stood(lab: Lab) -> dict[tuple[date, int, date | None, int], Total]:
    rows = lab.query(
        "select snapshot_day, cell_key, close_quarter_start, stage_number, open_count_raw, open_amount_raw, "
        "open_count_real, open_amount_real, open_squares_real, won_amount from intermediate.int_snapshots__pipeline"
    )
    return {row[:4]: Total(*row[4:]) for row in rows}


def largest(lab: Lab) -> dict[tuple[date, int, date], Decimal]:
    rows = lab.query(
        "select snapshot_day, cell_key, close_quarter_start, largest_amount from intermediate.int_snapshots__largest"
    )
    return {row[:3]: row[3] for row in rows}


def largest_of(
    totals: dict[tuple[date, int, date | None, int], Total],
) -> dict[tuple[date, int, date], Decimal]:
    """The largest real amount over the stages, of the quarter and the next two."""
    found: dict[tuple[date, int, date], Decimal] = {}
    for (day, cell, quarter, _), total in totals.items():
        if quarter and total.largest and 0 <= quarter_index(quarter) - quarter_index(day) <= 2:
            key = (day, cell, quarter)
            found[key] = max(found.get(key, Decimal(0)), total.largest)
    return found


def without_largest(totals: dict[tuple[date, int, date | None, int], Total]) -> dict[object, Total]:
    for total in totals.values():
        total.largest = Decimal(0)
    return dict(totals)


EVERYTHING = [
    # two states of one second, a regression below the qualifying stage and a return, a reopening
    state(1, "2024-03-01T09:00:00", 2, None, sequence=1),
    state(1, "2024-03-01T09:00:00", 3, 100, sequence=2),
    state(1, "2024-04-02T09:00:00", 1, 100, sequence=3),
    state(1, "2024-04-20T00:00:00", 4, 150, sequence=4),
    state(1, "2024-05-05T23:59:59", LOST, 150, "2024-05-05", sequence=5),
    state(1, "2024-06-01T09:00:00", 4, 150, "2024-10-15", sequence=6),
    state(1, "2024-08-01T09:00:00", WON, 160, "2024-07-28", sequence=7),
    state(1, "2024-09-01T09:00:00", WON, 170, "2024-07-28", sequence=8),
    # moved between quarters, past its date, deleted
    state(2, "2024-03-31T23:00:00", 2, 50, "2024-05-15", sequence=1),
    state(2, "2024-07-10T09:00:00", 2, 50, "2025-02-01", sequence=2),
    state(2, "2024-08-01T09:00:00", DELETED, 50, "2025-02-01", sequence=3),
]


@settings(max_examples=100, deadline=None)
@example(states=EVERYTHING)
@given(states=histories())
def test_adding_up_changes_gives_what_looking_at_every_deal_every_day_gives(
    sql: CompiledSql, states: list[State]
) -> None:
    cells = cells_of(states)
    with sql.lab() as lab:
        load(lab, states, cells, AS_OF)
        looked_at = [
            day for (day,) in lab.query("select snapshot_day from intermediate.int_snapshots__days")
        ]
        expected = brute_force(states, cells, looked_at)
        assert largest(lab) == largest_of(expected)
        assert without_largest(stood(lab)) == without_largest(expected)


NET = """
    select close_quarter_start, cell_key, sum(amount_change), sum(count_change)
    from intermediate.int_snapshots__movements where moved_at < ? group by 1, 2
"""


@settings(max_examples=60, deadline=None)
@example(states=EVERYTHING)
@given(states=histories())
def test_movements_add_up_to_what_stands(sql: CompiledSql, states: list[State]) -> None:
    cells = cells_of(states)
    with sql.lab() as lab:
        load(lab, states, cells, AS_OF)
        looked_at = [
            day for (day,) in lab.query("select snapshot_day from intermediate.int_snapshots__days")
        ]
        expected: dict[tuple[date, date | None, int], tuple[Decimal, int]] = {}
        for (day, cell, quarter, stage), total in brute_force(states, cells, looked_at).items():
            if stage != WON:
                amount, count = expected.get((day, quarter, cell), (Decimal(0), 0))
                expected[day, quarter, cell] = (
                    amount + total.amount_raw,
                    count + total.count_raw,
                )
        for day in looked_at:
            net = lab.connection.execute(NET, [day + timedelta(1)]).fetchall()
            found = {(day, q, cell): (amount, n) for q, cell, amount, n in net if n}
            assert found == {key: value for key, value in expected.items() if key[0] == day}
            assert all(amount == 0 for *_, amount, n in net if not n)


def test_every_movement_has_a_home(sql: CompiledSql) -> None:
    """The lives of EVERYTHING, movement by movement."""
    with sql.lab() as lab:
        load(lab, EVERYTHING, cells_of(EVERYTHING), AS_OF)
        found = lab.query(
            "select opportunity_key, moved_at::date::text, movement, close_quarter_start::text, count_change, amount_change::double "
            "from intermediate.int_snapshots__movements order by all"
        )
    assert found == [
        (1, "2024-03-01", "created", "2024-07-01", 1, 0),
        (1, "2024-03-01", "increased", "2024-07-01", 0, 100),
        (1, "2024-04-02", "regressed", "2024-07-01", -1, -100),
        (1, "2024-04-20", "requalified", "2024-07-01", 1, 150),
        # lost with a close date of today: it leaves from where it was dated to
        (1, "2024-05-05", "lost", "2024-07-01", -1, -150),
        (1, "2024-06-01", "reopened", "2024-10-01", 1, 150),
        # won earlier than it was dated to, at more than it was worth; what changes afterwards is no movement
        (1, "2024-08-01", "increased", "2024-07-01", 0, 10),
        (1, "2024-08-01", "moved_in", "2024-07-01", 1, 150),
        (1, "2024-08-01", "moved_out", "2024-10-01", -1, -150),
        (1, "2024-08-01", "won", "2024-07-01", -1, -160),
        (2, "2024-03-31", "created", "2024-04-01", 1, 50),
        (2, "2024-07-10", "moved_in", "2025-01-01", 1, 50),
        (2, "2024-07-10", "moved_out", "2024-04-01", -1, -50),
        (2, "2024-08-01", "deleted", "2025-01-01", -1, -50),
    ]


def test_a_deal_of_the_last_century_enters_and_leaves(sql: CompiledSql) -> None:
    """Whatever date is let in has its day in the calendar: what enters the pipeline leaves it once."""
    states = [
        state(1, "1990-01-01T00:00:00", 2, 70, "1990-03-31"),
        state(1, "1990-03-01T09:00:00", WON, 70, "1990-03-01", sequence=1),
        state(2, "1999-06-01T09:00:00", 2, 100, "2001-03-15"),
        state(2, "2001-03-15T09:00:00", WON, 100, "2001-03-15", sequence=1),
    ]
    with sql.lab() as lab:
        load(lab, states, cells_of(states), date(2001, 4, 1))
        found = lab.query(
            "select opportunity_key, week_start::text, movement, close_quarter_start::text, amount_change::double "
            "from intermediate.int_snapshots__movements order by all"
        )
    assert found == [
        (1, "1990-01-01", "created", "1990-01-01", 70),
        (1, "1990-02-26", "won", "1990-01-01", -70),
        (2, "1999-05-31", "created", "2001-01-01", 100),
        (2, "2001-03-12", "won", "2001-01-01", -100),
    ]


def test_dates_that_can_be_are_the_days_of_the_calendar(compiled: CompiledModels) -> None:
    """The macro that lets dates in and the calendar take their bounds from the same two vars."""
    bounds = {"calendar_first_day": "2001-02-03", "calendar_last_day": "2004-05-06"}
    sql = compiled(bounds)
    with sql.lab() as lab:
        lab.run("int_calendar")
        ((first, last, count),) = lab.query(
            "select min(date_day)::text, max(date_day)::text, count(*) from intermediate.int_calendar"
        )
    assert [first, last] == list(bounds.values())
    assert count == (date(2004, 5, 6) - date(2001, 2, 3)).days + 1
    for model in ("crm_opportunities", "crm_opportunity_changes", "crm_leads"):
        condition = sql.relations[model].sql
        assert ">= cast('2001-02-03' as date)" in condition, model
        assert "< cast('2004-05-07' as date)" in condition, model


def test_a_deal_is_booked_on_one_day_wherever_that_is_asked(sql: CompiledSql) -> None:
    """The close date within what the CRM knew, in the deals, the snapshots and the movements alike."""
    opened, closed = "2024-04-10T09:00:00", "2024-06-30T22:00:00"
    lives = {
        # typed: the day of recording, days before it, before the deal was known, never
        1: ("2024-06-30", "2024-06-30"),
        2: ("2024-06-12", "2024-06-12"),
        3: ("2024-03-20", "2024-04-10"),
        4: (None, "2024-06-30"),
        # a typing error, and the next morning in Sydney, which is this evening in UTC
        5: ("2025-06-30", "2024-06-30"),
        6: ("2024-07-01", "2024-06-30"),
    }
    states = []
    for key, (typed, _) in lives.items():
        states += [
            state(key, opened, 2, 100, "2024-09-30"),
            state(key, closed, WON, 100, typed, sequence=1),
        ]
    with sql.lab() as lab:
        load(lab, states, cells_of(states), AS_OF)
        found = lab.query(
            "select current_state.opportunity_key, closed_on::text, "
            "bookings.close_quarter_start::text, movements.close_quarter_start::text "
            "from intermediate.int_opportunities__current as current_state "
            "inner join intermediate.int_snapshots__bookings as bookings using (opportunity_key) "
            "inner join intermediate.int_snapshots__movements as movements using (opportunity_key) "
            "where movement = 'won' order by 1"
        )
    quarter = "2024-04-01"
    assert found == [(key, day, quarter, quarter) for key, (_, day) in lives.items()]
