"""Creation caps: what a goal cell can create at most, and how a plan lives with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plan_builders import SMB, answers, goal_lines, mart_rows, write_seeds
from reverse_funnel.errors import InputError
from reverse_funnel.plan import PlanRequest, run_plan
from reverse_funnel.plan.caps import CAPS_FILE, read_caps
from reverse_funnel.plan.make import Plan
from reverse_funnel.plan.report import plan_notes
from reverse_funnel.plan.targets import inputs_hash

HEADER = "segment,deal_type,territory,first_month,last_month,maximum_count,reason,set_by"
DIMENSIONS = ("segment", "deal_type", "territory", "pipeline_source")


def write_caps(seeds: Path, *lines: str) -> None:
    path = seeds / CAPS_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([HEADER, *lines]) + "\n")


def cap(first: str, last: str, most: str, cell: str = "smb,new_business,emea") -> str:
    return f"{cell},{first},{last},{most},rooms,Ann"


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return write_seeds(tmp_path, goal_lines([80_000] * 24))


def plan(seeds: Path, method: str = "distribution", **project_vars: Any) -> Plan:
    request = PlanRequest(method=method)
    query = answers(mart_rows({SMB: {}}))
    return run_plan(request, query=query, seeds_dir=seeds, project_vars=project_vars).plan


def test_a_file_that_is_not_there_caps_nothing(seeds: Path) -> None:
    assert read_caps(seeds, DIMENSIONS) == ()
    assert plan(seeds).cap is None


def test_no_month_creates_more_than_its_cap_and_others_make_up_for_it(seeds: Path) -> None:
    free = plan(seeds)
    write_caps(seeds, cap("2026-11-01", "2026-12-01", "5"))
    capped = plan(seeds)
    before, after = (each.steps["qualified"][0] for each in (free, capped))
    assert before[10:12].min() > 7.5
    assert after[10:12].max() <= 5.0 + 1e-9
    # January creates half as much again: without it 2027-Q1 would have 180 of its 240 thousand.
    assert after[12] > before[12] + 3
    quarters = capped.bookings[0].reshape(-1, 3).sum(axis=1)
    assert quarters[4] > 0.92 * 240_000
    assert np.delete(quarters, 4)[3:].min() > 0.97 * 240_000
    assert inputs_hash(free) != inputs_hash(capped)
    assert "CAPPED: smb / new_business / emea, in 2 months." in plan_notes(capped, currency="USD")


def test_what_a_cap_leaves_undone_is_unreachable(seeds: Path) -> None:
    write_caps(seeds, cap("2026-01-01", "2030-12-01", "2"))
    found = plan(seeds)
    # Two a month, 10,000 each, against a goal of 80,000.
    np.testing.assert_allclose(found.steps["qualified"][0], 2.0)
    np.testing.assert_allclose(found.bookings[0, 3:], 20_000.0)
    np.testing.assert_allclose(found.unreachable[0, 3:], 60_000.0)
    assert any("a cap keeps it" in note for note in plan_notes(found, currency="USD"))


def test_a_cap_of_zero_stops_creation_and_a_cap_elsewhere_does_nothing(seeds: Path) -> None:
    free = plan(seeds).steps["qualified"]
    write_caps(seeds, cap("2026-01-01", "2026-12-01", "0", cell="enterprise,new_business,apac"))
    np.testing.assert_array_equal(plan(seeds).steps["qualified"], free)
    write_caps(seeds, cap("2026-01-01", "2026-03-01", "0"))
    assert (plan(seeds).steps["qualified"][0, :3] == 0).all()


def test_a_method_that_heeds_no_caps_says_so(seeds: Path) -> None:
    free = plan(seeds, "fixed_lag").steps["qualified"]
    write_caps(seeds, cap("2026-01-01", "2026-12-01", "1"))
    found = plan(seeds, "fixed_lag")
    np.testing.assert_array_equal(found.steps["qualified"], free)
    assert any("not heeded by method fixed_lag" in note for note in plan_notes(found, currency=""))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (cap("2026-01-01", "2026-02-01", "-1"), "row 2, column maximum_count: '-1'"),
        (cap("2026-01-01", "2026-02-01", "many"), "row 2, column maximum_count: 'many'"),
        (cap("2026-01-01", "2026-02-01", "inf"), "row 2, column maximum_count: 'inf'"),
        (cap("2026-01-15", "2026-02-01", "1"), "is not the first day of a month"),
        (cap("2026-03-01", "2026-02-01", "1"), "is before 2026-03-01"),
        (cap("2026-01-01", "2026-02-01", "1", cell="sbm,new_business,emea"), "did you mean smb"),
        (cap("2026-01-01", "2026-02-01", "1", cell="smb,new_business,all"), "'all' is not a known"),
    ],
)
def test_faulty_caps_are_named_by_row_and_column(seeds: Path, line: str, says: str) -> None:
    write_caps(seeds, line)
    with pytest.raises(InputError, match=says):
        plan(seeds)
    assert list((seeds / "targets").iterdir()) == []


def test_two_caps_of_one_month_are_refused(seeds: Path) -> None:
    write_caps(seeds, cap("2026-01-01", "2026-03-01", "1"), cap("2026-03-01", "2026-04-01", "2"))
    with pytest.raises(InputError, match="row 2 limits already"):
        plan(seeds)


def test_a_cap_finer_than_the_plan_is_refused(seeds: Path) -> None:
    write_caps(seeds, cap("2026-01-01", "2026-03-01", "1"))
    with pytest.raises(InputError, match="finer than plans are made"):
        plan(seeds, plan_dimensions=["segment", "deal_type", "pipeline_source"])
