"""Goals in force: the planner and the marts, the rule in Python and the rule in SQL, on any file."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiled import CompiledModels, Lab
from plan_builders import GOALS_HEADER, write_seeds
from reverse_funnel.errors import InputError
from reverse_funnel.plan.goals import read_goals
from reverse_funnel.plan.in_force import versions_in_force
from reverse_funnel.plan.model import GoalCell
from reverse_funnel.plan.months import first_day, month_of, month_of_next, start_of_year

pytestmark = pytest.mark.dbt

DIMENSIONS = ("segment", "deal_type", "pipeline_source")
"""No target is set by territory: its goals are summed."""
JANUARY = month_of(date(2026, 1, 1))
CELLS = (
    GoalCell("smb", "new_business", "emea"),
    GoalCell("smb", "new_business", "apac"),
    GoalCell("enterprise", "expansion", "emea"),
)


class Version(NamedTuple):
    """A version of the goals: the same months for each of its cells."""

    name: str
    approved_at: date
    first: int
    months: int
    cells: tuple[GoalCell, ...] = CELLS[:1]

    def rows(self) -> Iterator[dict[str, object]]:
        for month in range(self.first, self.first + self.months):
            for number, cell in enumerate(self.cells, start=1):
                yield {
                    "fiscal_month": first_day(month),
                    **cell._asdict(),
                    # of this version, month and cell alone
                    "bookings_goal": Decimal(1000 * month + 10 * ord(self.name) + number),
                    "currency": "USD",
                    "version": self.name,
                    "approved_at": self.approved_at,
                    "approved_by": "CFO",
                }


DAYS = st.dates(date(2025, 11, 1), date(2027, 2, 28))
VERSIONS = st.lists(
    st.builds(
        Version,
        name=st.sampled_from("abcdef"),
        approved_at=DAYS,
        first=st.integers(JANUARY - 6, JANUARY + 18),
        months=st.integers(1, 15),
        cells=st.sampled_from([CELLS[:1], CELLS[1:], CELLS]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda version: version.name,
)
YEAR = Version("a", date(2025, 12, 10), JANUARY, 12, CELLS)
MIDYEAR = Version("b", date(2026, 6, 15), JANUARY + 6, 6, CELLS[:1])
NEXT_YEAR = Version("c", date(2026, 9, 15), JANUARY + 12, 12, CELLS)


@pytest.fixture(scope="module")
def lab(compiled: CompiledModels) -> Iterator[Lab]:
    with compiled({"plan_dimensions": list(DIMENSIONS)}).lab() as opened:
        yield opened


def in_sql(lab: Lab, versions: list[Version], as_of: date) -> dict[int, tuple[str, dict]]:  # type: ignore[type-arg]
    """Return what int_goals has by month: the version, and the goals by cell."""
    lab.table("bookings_goals", rows=[row for version in versions for row in version.rows()])
    lab.table("int_as_of", rows=[{"as_of_date": as_of}])
    lab.run("int_goals__spans", "int_goals")
    found: dict[int, tuple[str, dict[GoalCell, Decimal]]] = {}
    for month, version, *cell, goal in lab.query(
        "select fiscal_month, goals_version, segment, deal_type, territory, bookings_goal "
        "from intermediate.int_goals"
    ):
        known = found.setdefault(month_of(month), (version, {}))
        assert known[0] == version, "one version is in force for a month"
        assert GoalCell(*cell) not in known[1]
        known[1][GoalCell(*cell)] = goal
    return found


@given(versions=VERSIONS, as_of=DAYS)
@example(versions=[YEAR, MIDYEAR], as_of=date(2025, 12, 31))
@example(versions=[YEAR, MIDYEAR], as_of=date(2026, 6, 30))
@example(versions=[YEAR, NEXT_YEAR], as_of=date(2026, 9, 14))
@example(versions=[YEAR, NEXT_YEAR], as_of=date(2026, 9, 15))
@example(versions=[YEAR, YEAR._replace(name="b")], as_of=date(2026, 1, 31))
@settings(max_examples=150, deadline=None)
def test_the_planner_takes_the_goals_that_the_marts_have(
    lab: Lab, versions: list[Version], as_of: date
) -> None:
    marts = in_sql(lab, versions, as_of)
    approvals = {
        (month, version.name): version.approved_at
        for version in versions
        for month in range(version.first, version.first + version.months)
    }
    rule = versions_in_force(approvals, as_of)
    assert {month: names[-1] for month, names in rule.items()} == {
        month: version for month, (version, _) in marts.items()
    }
    lines = [
        ",".join(str(row[name]) for name in GOALS_HEADER.split(","))
        for version in versions
        for row in version.rows()
    ]
    first = start_of_year(month_of_next(as_of), 1)
    ahead = {month: goals for month, (_, goals) in marts.items() if month >= first}
    with tempfile.TemporaryDirectory() as folder:
        file = read_goals(
            write_seeds(Path(folder), lines),
            corporate_currency="USD",
            plan_dimensions=DIMENSIONS,
        )
        try:
            goals = file.in_force(as_of).goals
        except InputError:
            # No month to come has a goal, one between has none, or finance has to choose.
            assert (
                max(ahead, default=first) < month_of_next(as_of)
                or not ahead
                or len(ahead) <= max(ahead) - min(ahead)
                or any(len(names) > 1 for month, names in rule.items() if month >= first)
            )
            return
    assert goals.first_month == min(ahead)
    assert goals.months == len(ahead)
    for at, cell in enumerate(goals.cells):
        assert goals.amount[at].tolist() == [
            float(ahead[goals.first_month + month].get(cell, 0)) for month in range(goals.months)
        ]
    assert set(goals.cells) == {cell for by_cell in ahead.values() for cell in by_cell}


@given(versions=VERSIONS, as_of=DAYS)
@example(versions=[YEAR, MIDYEAR], as_of=date(2026, 6, 15))
@example(versions=[YEAR, NEXT_YEAR], as_of=date(2026, 12, 31))
@settings(max_examples=60, deadline=None)
def test_coverage_has_the_goals_that_were_in_force_at_each_snapshot(
    lab: Lab, versions: list[Version], as_of: date
) -> None:
    """On the as-of day and on the days about it, each as int_goals has them on that day."""
    days = [as_of + timedelta(days=ahead) for ahead in (-1, 0, 1)]
    expected: dict[tuple[date, int, GoalCell], Decimal] = defaultdict(Decimal)
    for day in days:
        this_quarter = start_of_year(month_of(day), 1) + (day.month - 1) // 3 * 3
        for month, (_, goals) in in_sql(lab, versions, day).items():
            horizon = (month - this_quarter) // 3
            for cell, goal in goals.items():
                if 0 <= horizon <= 2:
                    expected[day, horizon, cell] += goal
    lab.table(
        "int_coverage__quarters",
        rows=[
            {
                "as_of_date": day,
                "horizon": horizon,
                "close_quarter_start": first_day(start),
                "next_quarter_start": first_day(start + 3),
            }
            for day in days
            for horizon in range(3)
            for start in [start_of_year(month_of(day), 1) + ((day.month - 1) // 3 + horizon) * 3]
        ],
    )
    lab.run("int_coverage__goals")
    found = lab.query(
        "select as_of_date, horizon, segment, deal_type, territory, bookings_goal "
        "from intermediate.int_coverage__goals"
    )
    assert {(day, horizon, GoalCell(*cell)): goal for day, horizon, *cell, goal in found} == dict(
        expected
    )
