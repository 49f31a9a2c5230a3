"""Carry-over: four policies by hand, what is conserved, and a vintage that replaces another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plan_builders import SMB, goal_lines, mart_rows, write_seeds
from reverse_funnel.errors import InputError
from reverse_funnel.plan import PlanRequest, PlanResult, run_plan
from reverse_funnel.plan.diff import CAUSES, SINCE, diff
from reverse_funnel.plan.make import CarryOver, PlanSettings
from reverse_funnel.plan.replan import carried_forward
from reverse_funnel.plan.standing import BOOKINGS, CREATED, read_standing
from reverse_funnel.plan.vintages import read_vintages

# A year of ten a month; two months are gone, with 6 and 11 created: 4 short, then 1 over.
PLANNED = np.full((1, 12), 10.0)
CREATED_SO_FAR = np.array([[6.0, 11.0, *[0.0] * 10]])


def carried(policy: str, credit: float = 1.0) -> list[float]:
    return carried_forward(PLANNED, CREATED_SO_FAR, 2, 10, policy, credit)[0].tolist()


def test_the_policies_by_hand() -> None:
    assert carried("none") == [10.0] * 12
    # January owes 4 to February, which creates 11 of 14 and owes 3 to March.
    assert carried("next") == [10, 10, 13, *[10] * 9]
    # 3 over ten months.
    assert carried("spread") == pytest.approx([10, 10, *[10.3] * 10])


def test_a_surplus_counts_as_far_as_it_is_credited() -> None:
    over = np.array([[14.0, 10.0, *[0.0] * 10]])
    for credit, march in ((0.0, 10.0), (0.5, 9.0), (1.0, 6.0)):
        found = carried_forward(PLANNED, over, 2, 10, "next", credit)[0, 2]
        # Half of 4 in January and half of what is left of it in February.
        assert found == pytest.approx(march)
        spread = carried_forward(PLANNED, over, 2, 10, "spread", credit)[0, 2]
        assert spread == pytest.approx(10 - 0.4 * credit)


@given(
    planned=arrays(np.float64, (2, 12), elements=st.floats(0.1, 100)),
    created=arrays(np.float64, (2, 12), elements=st.floats(0, 50)),
    gone=st.integers(1, 11),
)
@settings(max_examples=60, deadline=None)
def test_spreading_conserves_the_year(planned: np.ndarray, created: np.ndarray, gone: int) -> None:
    found = carried_forward(planned, created, gone, 12 - gone, "spread")
    together = created[:, :gone].sum(axis=1) + found[:, gone:].sum(axis=1)
    # A surplus larger than the rest of the year cannot be taken off it.
    floor = created[:, :gone].sum(axis=1)
    np.testing.assert_allclose(together, np.maximum(planned.sum(axis=1), floor))


def test_where_a_year_begins_nothing_is_spread() -> None:
    assert carried_forward(PLANNED, CREATED_SO_FAR, 12, 0, "spread")[0].tolist() == [10.0] * 12


# --- vintages ---------------------------------------------------------------------------------------

KERNEL = {"days_qualified_to_won": 61.0}


def warehouse(
    as_of: str,
    created: dict[str, float],
    booked: dict[str, float],
    shares: dict[int, float] | None = None,
    **given: float,
) -> Any:
    """A query function: SMB as of a day, with what it created and what stands.

    `shares` of the wins come so many months after qualification; by default all after 61 days.
    """
    rows = mart_rows({SMB: {**KERNEL, **given}}, as_of_date=as_of)
    rows += [
        {**rows[0], "parameter": "kernel_qualified_to_won", "month_number": month, "value": share}
        for month, share in (shares or {}).items()
    ]
    standing = [
        {
            **SMB.goal_cell._asdict(),
            "fiscal_month": month,
            "booked_amount": amount,
            "open_expected_amount": 0,
        }
        for month, amount in booked.items()
    ]
    made = [
        {
            **SMB._asdict(),
            "fiscal_month": month,
            "created_count": count,
            "created_amount": 30_000 * count,
        }
        for month, count in created.items()
    ]

    def query(sql: str) -> list[dict[str, Any]]:
        if "'assumptions'" in sql:
            return rows
        return standing if BOOKINGS in sql else made if CREATED in sql else []

    return query


STEADY = {f"2026-{month:02}-01": 80_000.0 for month in range(1, 13)}


def plan(seeds: Path, version: str, query: Any, **options: Any) -> PlanResult:
    return run_plan(
        PlanRequest(version=version, **options), query=query, seeds_dir=seeds, project_vars={}
    )


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    seeds = write_seeds(tmp_path, goal_lines([80_000] * 24))
    # Pipeline of 2025 brings the goals of January and February.
    before = {month: STEADY[month] for month in list(STEADY)[:2]}
    plan(seeds, "v1", warehouse("2025-12-31", {}, before))
    return seeds


def after_february(created: list[float], **given: float) -> Any:
    months = list(STEADY)
    booked = {months[0]: 80_000.0, months[1]: 80_000.0}
    # What is created in January and February is won two months later, 10,000 each.
    booked |= {months[2]: created[0] * 10_000, months[3]: created[1] * 10_000}
    return warehouse("2026-02-28", dict(zip(months, created, strict=False)), booked, **given)


def targets(seeds: Path, version: str) -> dict[str, float]:
    lines = read_vintages(seeds / "targets" / "pipeline_targets.csv")[version].splitlines()
    cells = [line.split(",") for line in lines]
    return {row[1]: float(row[8]) for row in cells if row[7] == "qualified"}


def test_the_steady_company_needs_eight_a_month(seeds: Path) -> None:
    assert list(targets(seeds, "v1").values()) == pytest.approx([8.0] * 24, rel=0.02)


def test_following_the_plan_changes_nothing(seeds: Path) -> None:
    first = targets(seeds, "v1")
    created = [first["2026-01-01"], first["2026-02-01"]]
    plan(seeds, "v2", after_february(created), base="v1")
    again = targets(seeds, "v2")
    assert list(again) == list(first)[2:]
    assert list(again.values()) == pytest.approx(list(first.values())[2:], rel=1e-3)


def test_a_shortfall_is_made_up_and_its_lateness_has_a_price(seeds: Path) -> None:
    result = plan(seeds, "v2", after_february([2.0, 2.0]), base="v1")
    over = result.plan.carry_over
    assert over is not None
    # What was not created for March cannot be won in March any more.
    assert result.plan.unreachable[0, 2] + result.plan.unreachable[0, 3] >= 0
    assert np.nansum(over.carried) > 0
    assert (over.lateness >= 0).all()
    assert targets(seeds, "v2")["2026-03-01"] > 8.0
    assert list(targets(seeds, "v1").values()) == pytest.approx([8.0] * 24, rel=0.02)


def late(tmp_path: Path, shares: dict[int, float], created: list[float], months: int) -> CarryOver:
    """What a plan of the end of June carries over of one that eight a month would have met."""
    bookings = [0.0] * 24
    for month, count in enumerate([8.0] * 6 + created, start=-6):
        for lag, share in shares.items():
            if month + lag >= 0:
                bookings[month + lag] += 10_000 * share * count
    before = [
        sum(80_000 * share for lag, share in shares.items() if lag > month) for month in range(6)
    ]
    dates = list(STEADY)
    seeds = write_seeds(tmp_path, goal_lines([80_000] * months))
    for request, query in (
        (
            PlanRequest(version="v1"),
            warehouse("2025-12-31", {}, dict(zip(dates, before, strict=False)), shares),
        ),
        (
            PlanRequest(version="v2", base="v1"),
            warehouse(
                "2026-06-30",
                dict(zip(dates, created, strict=False)),
                dict(zip(dates, bookings, strict=False)),
                shares,
            ),
        ),
    ):
        result = run_plan(
            request, query=query, seeds_dir=seeds, project_vars={"plan_smoothness": [1e-7]}
        )
    over = result.plan.carry_over
    assert over is not None
    return over


def test_what_lateness_costs_by_hand(tmp_path: Path) -> None:
    """Six are missing in June, half of their wins due in July, half in September: 60,000 of Q3.

    July and August bring half of theirs in Q3, so 12 have to be created; the other 6 come in Q4 for
    nothing, and September needs the fewer.
    """
    over = late(tmp_path, {1: 0.5, 3: 0.5}, [8.0, 8.0, 8.0, 8.0, 8.0, 2.0], months=9)
    assert over.carried[:, 6:8].sum() == pytest.approx(12.0, abs=0.2)
    # Beyond the six that were missed, all of it is the price of being late, and all of it is shown.
    assert over.lateness.sum() > 1.0
    assert over.lateness.sum() == pytest.approx(over.carried.sum() - 6.0, abs=0.2)
    assert (over.lateness[:, :6] == 0).all()
    assert (over.lateness <= np.maximum(over.carried, 0) + 1e-6).all()


def test_the_cost_of_lateness_is_shown_in_the_months_of_the_plan(tmp_path: Path) -> None:
    # The plan ends while creation is still being caught up with, a month or more beyond it.
    shares = dict.fromkeys(range(5), 0.2)
    over = late(tmp_path, shares, [8.0, 8.0, 8.0, 8.0, 2.0, 2.0], months=8)
    assert over.lateness.sum() > 0.3
    assert over.lateness.sum() == pytest.approx(over.carried.sum() - 12.0, abs=0.05)


@pytest.mark.parametrize("policy", ["none", "next", "spread"])
def test_the_other_policies_carry_by_rule(seeds: Path, policy: str) -> None:
    first = targets(seeds, "v1")
    plan(seeds, "v2", after_february([2.0, 2.0]), base="v1", policy=policy)
    second = targets(seeds, "v2")
    owed = first["2026-01-01"] + first["2026-02-01"] - 4
    extra = {month: second[month] - first[month] for month in second}
    if policy == "none":
        assert max(abs(value) for value in extra.values()) < 1e-3
    elif policy == "next":
        assert extra["2026-03-01"] == pytest.approx(owed, abs=1e-3)
        assert extra["2026-04-01"] == pytest.approx(0.0, abs=1e-3)
    else:
        year = [value for month, value in extra.items() if month < "2027"]
        assert sum(year) == pytest.approx(owed, abs=1e-2)
        assert extra["2027-01-01"] == pytest.approx(0.0, abs=1e-3)


def test_a_surplus_without_credit_lowers_no_target(seeds: Path) -> None:
    first = targets(seeds, "v1")
    plan(seeds, "v2", after_february([20.0, 20.0]), base="v1", surplus_credit=0.0)
    plan(seeds, "v3", after_february([20.0, 20.0]), base="v1", surplus_credit=1.0)
    without, credited = targets(seeds, "v2"), targets(seeds, "v3")
    assert all(without[month] >= first[month] - 1e-3 for month in without)
    assert sum(credited.values()) < sum(without.values())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"base": "v9"}, "there is no plan 'v9'"),
        ({"base": "v1", "policy": "hope"}, "no carry-over policy 'hope'"),
        ({"base": "v1", "surplus_credit": 2.0}, "surplus"),
    ],
)
def test_faulty_requests_leave_the_seeds_alone(
    seeds: Path, options: dict[str, Any], says: str
) -> None:
    before = {path.name: path.read_bytes() for path in (seeds / "targets").iterdir()}
    with pytest.raises(InputError, match=says):
        plan(seeds, "v2", after_february([2.0, 2.0]), **options)
    assert {path.name: path.read_bytes() for path in (seeds / "targets").iterdir()} == before


# --- two vintages side by side ------------------------------------------------------------------------


def compare(seeds: Path, query: Any) -> dict[str, float]:
    found = diff(seeds, "v1", "v2", PlanSettings(), read_standing(query), "USD")
    by_cause = {change.cause: change.count for change in found.changes}
    assert set(by_cause) == {*CAUSES, SINCE}
    assert sum(by_cause.values()) == pytest.approx(found.after["smb"] - found.before["smb"])
    return by_cause


def test_a_lower_rate_is_the_cause_of_higher_targets(seeds: Path) -> None:
    query = after_february([8.0, 8.0], win_rate=0.2)
    plan(seeds, "v2", query)
    causes = compare(seeds, query)
    # 8 become 10 a month, over 22 months.
    assert causes["rate"] == pytest.approx(44, rel=0.1)
    assert abs(causes["goal"]) + abs(causes["mix"]) + abs(causes["amount"]) < 1e-6
    assert abs(causes[SINCE]) < 4


def test_what_was_not_created_is_what_has_happened_since(seeds: Path) -> None:
    query = after_february([2.0, 2.0])
    plan(seeds, "v2", query)
    causes = compare(seeds, query)
    assert causes[SINCE] > 1
    assert all(abs(causes[cause]) < 1e-6 for cause in CAUSES)
