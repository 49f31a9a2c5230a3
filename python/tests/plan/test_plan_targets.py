from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plan_builders import AS_OF, SMB, SMB_OUTBOUND, goal_lines, mart_rows, write_seeds
from reverse_funnel.plan.assumptions import read_assumptions
from reverse_funnel.plan.goals import ApprovedGoals, read_goals
from reverse_funnel.plan.make import Plan, PlanSettings, make_plan
from reverse_funnel.plan.model import Cell
from reverse_funnel.plan.targets import (
    HEADERS,
    NEED_FILE,
    VERSIONS_FILE,
    inputs_hash,
    need_rows,
    vintage_tables,
)

Row = Mapping[str, str]
ENTERPRISE = SMB._replace(segment="enterprise")
SETTINGS = PlanSettings(method="fixed_lag")


def goals_in(folder: Path, lines: list[str]) -> ApprovedGoals:
    file = read_goals(
        write_seeds(folder, lines),
        corporate_currency="USD",
        plan_dimensions=SETTINGS.plan_dimensions,
    )
    return file.in_force(AS_OF)


def plan_of(
    folder: Path,
    cells: dict[Cell, dict[str, float | None]],
    lines: list[str] | None = None,
    settings: PlanSettings = SETTINGS,
) -> Plan:
    rows = mart_rows(cells)
    random.Random(0).shuffle(rows)
    lines = goal_lines([80_000] * 12) if lines is None else lines
    return make_plan(goals_in(folder, lines), read_assumptions(lambda _: rows), settings)


def table(plan: Plan) -> list[Row]:
    return [dict(zip(HEADERS[NEED_FILE], row, strict=True)) for row in need_rows(plan)]


def by_step(plan: Plan, month: str) -> dict[str, Row]:
    return {row["funnel_step"]: row for row in table(plan) if row["fiscal_month"] == month}


def test_the_round_cell_by_hand(tmp_path: Path) -> None:
    # 80,000 a month at 40,000 a deal are 2 deals, at one in four 8 opportunities of 30,000;
    # 16 meetings completed, 20 accepted, 200 leads.
    rows = by_step(plan_of(tmp_path, {SMB: {}}), "2026-05-01")
    assert {step: row["target_count"] for step, row in rows.items()} == {
        "qualified": "8.0000",
        "meeting_completed": "16.0000",
        "meeting_accepted": "20.0000",
        "lead": "200.0000",
    }
    assert rows["qualified"]["target_amount"] == "240000.00"
    assert rows["qualified"]["unreachable_count"] == "0.0000"
    assert rows["qualified"]["unreachable_amount"] == "0.00"


def test_meetings_and_leads_carry_no_money(tmp_path: Path) -> None:
    for step, row in by_step(plan_of(tmp_path, {SMB: {}}), "2026-05-01").items():
        if step != "qualified":
            assert row["target_amount"] == row["unreachable_amount"] == ""


def test_targets_lead_the_goal_by_the_lag_and_every_step_by_its_own(tmp_path: Path) -> None:
    # One goal, in September: qualified two months before, the steps a month earlier still.
    plan = plan_of(tmp_path, {SMB: {}}, goal_lines([0] * 8 + [80_000] + [0] * 3))
    needed = {
        (row["funnel_step"], row["fiscal_month"])
        for row in table(plan)
        if float(row["target_count"]) > 0
    }
    assert needed == {
        ("qualified", "2026-07-01"),
        ("meeting_completed", "2026-07-01"),
        ("meeting_accepted", "2026-06-01"),
        ("lead", "2026-06-01"),
    }


def test_every_month_with_goals_has_targets_and_no_other(tmp_path: Path) -> None:
    months = {row["fiscal_month"] for row in table(plan_of(tmp_path, {SMB: {}}))}
    assert months == {f"2026-{month:02}-01" for month in range(1, 13)}


def test_creation_does_not_fall_to_zero_at_the_end_of_the_plan(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {SMB: {}}, goal_lines([40_000] * 2 + [80_000] * 10))
    assert by_step(plan, "2026-10-01")["qualified"]["target_count"] == "8.0000"
    # November and December serve the next January and February, goals of 40,000 again.
    assert by_step(plan, "2026-12-01")["qualified"]["target_count"] == "4.0000"
    grown = make_plan(plan.goals, plan.book, PlanSettings(method="fixed_lag", goal_growth=0.5))
    assert by_step(grown, "2026-12-01")["qualified"]["target_count"] == "6.0000"
    assert by_step(grown, "2026-10-01")["qualified"]["target_count"] == "8.0000"


def test_bookings_of_the_first_months_are_served_by_earlier_pipeline(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {SMB: {}})
    assert plan.served_before.tolist() == [[80_000, 80_000] + [0] * 10]


def test_sources_share_the_target_by_their_mix(tmp_path: Path) -> None:
    # v = 0.75 * 0.25 * 40,000 + 0.25 * 0.5 * 40,000 = 12,500, so 6.4 opportunities.
    cells = {SMB: {"source_mix": 0.75}, SMB_OUTBOUND: {"source_mix": 0.25, "win_rate": 0.5}}
    counts = {
        row["pipeline_source"]: row["target_count"]
        for row in table(plan_of(tmp_path, cells))
        if row["fiscal_month"] == "2026-05-01" and row["funnel_step"] == "qualified"
    }
    assert counts == {"marketing": "4.8000", "ae_outbound": "1.6000"}


def test_a_source_without_lead_rates_has_no_lead_targets(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {SMB: {"lead_to_meeting_accepted_rate": None}})
    assert {row["funnel_step"] for row in table(plan)} == {
        "meeting_accepted",
        "meeting_completed",
        "qualified",
    }


def test_an_unknown_amount_at_qualification_leaves_the_amount_empty(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {SMB: {"amount_at_qualification": None}})
    row = by_step(plan, "2026-05-01")["qualified"]
    assert (row["target_count"], row["target_amount"]) == ("8.0000", "")


def test_a_goal_without_a_measurable_win_rate_is_reported_unreachable(tmp_path: Path) -> None:
    cells = {
        # A mix that an override has pulled away from a sum of one still divides by proportion.
        SMB: {"source_mix": 0.6, "win_rate": 0.0},
        SMB_OUTBOUND: {"source_mix": 0.2, "win_rate": None},
        ENTERPRISE: {},
    }
    lines = [*goal_lines([100, 0]), *goal_lines([80_000] * 2, cell=ENTERPRISE.goal_cell)]
    rows = [row for row in table(plan_of(tmp_path, cells, lines)) if row["segment"] == "smb"]
    assert [
        (row["fiscal_month"], row["pipeline_source"], row["funnel_step"], row["target_count"])
        for row in rows
    ] == [
        ("2026-01-01", "ae_outbound", "qualified", ""),
        ("2026-01-01", "marketing", "qualified", ""),
    ]
    assert [row["unreachable_amount"] for row in rows] == ["25.00", "75.00"]


def test_a_goal_without_any_known_source_stands_on_an_unmapped_one(tmp_path: Path) -> None:
    lines = [*goal_lines([100]), *goal_lines([80_000], cell=ENTERPRISE.goal_cell)]
    rows = [
        row for row in table(plan_of(tmp_path, {ENTERPRISE: {}}, lines)) if row["segment"] == "smb"
    ]
    assert len(rows) == 1
    assert rows[0]["pipeline_source"] == "unmapped"
    assert rows[0]["custom_dimension"] == "all"
    assert rows[0]["unreachable_amount"] == "100.00"


def test_a_cell_whose_goals_are_all_zero_has_no_rows(tmp_path: Path) -> None:
    lines = [*goal_lines([0] * 12), *goal_lines([80_000] + [0] * 11, cell=ENTERPRISE.goal_cell)]
    rows = table(plan_of(tmp_path, {SMB: {}, ENTERPRISE: {}}, lines))
    assert {row["segment"] for row in rows} == {"enterprise"}
    assert any(row["target_count"] == "0.0000" for row in rows)


@given(order=st.randoms(use_true_random=False))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_order_of_rows_changes_no_byte(tmp_path: Path, order: random.Random) -> None:
    cells = {
        SMB._replace(segment=segment, pipeline_source=source): {
            "source_mix": share,
            "win_rate": share / 3,
            "won_amount": 1e4 / share,
        }
        for segment in ("smb", "enterprise")
        for source, share in (("marketing", 0.37), ("ae_outbound", 0.21), ("plg", 0.42))
    }
    lines = [*goal_lines([1e6] * 12), *goal_lines([7e5] * 12, cell=ENTERPRISE.goal_cell)]
    rows = mart_rows(cells)
    tables = set()
    for shuffled in (False, True):
        if shuffled:
            order.shuffle(rows)
            order.shuffle(lines)
        plan = make_plan(goals_in(tmp_path, lines), read_assumptions(lambda _: rows), SETTINGS)
        tables.add(repr(vintage_tables(plan)))
    assert len(tables) == 1


def test_a_vintage_records_what_was_believed(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {SMB: {"win_rate": 0.25, "amount_growth": None}})
    tables = vintage_tables(plan)
    believed = {row[0]: row for row in tables["plan_assumptions.csv"]}
    assert believed["win_rate"] == (
        "win_rate",
        "",
        *SMB,
        "0.25000000",
        "",
        "",
        "120",
        "aalen_johansen",
        "cell",
        "segment_deal_type_source",
        "false",
    )
    assert believed["amount_growth"][7] == ""
    assert believed["won_amount"][7] == "40000.00"


def test_the_version_row_says_what_the_plan_was_made_from(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {SMB: {}}, goal_lines([100.25] * 3))
    (row,) = vintage_tables(plan)[VERSIONS_FILE]
    named = dict(zip(HEADERS[VERSIONS_FILE][1:], row, strict=True))
    digest = named.pop("inputs_hash")
    assert len(digest) == 64
    assert named == {
        "as_of_date": "2025-12-31",
        "method": "fixed_lag",
        "goals_version": "FY2026",
        "goals_approved_at": "2025-12-10",
        "goals_approved_by": "CFO",
        "first_month": "2026-01-01",
        "last_month": "2026-03-01",
        "base_version": "",
        "carry_over_policy": "none",
        "surplus_credit": "",
        "goal_growth": "0.0000",
        "confidence": "0.8000",
        "confidence_level": "company",
        "qualifying_stage": "2",
        "bookings_goal": "300.75",
    }


def test_the_hash_follows_every_input_and_nothing_else(tmp_path: Path) -> None:
    base = plan_of(tmp_path, {SMB: {}})
    others = [
        plan_of(tmp_path, {SMB: {"win_rate": 0.26}}),
        plan_of(tmp_path, {SMB: {}}, goal_lines([80_001] * 12)),
        plan_of(tmp_path, {SMB: {}}, goal_lines([80_000] * 12, start=date(2027, 1, 1))),
        plan_of(tmp_path, {SMB: {}}, settings=PlanSettings(goal_growth=0.1)),
        plan_of(tmp_path, {SMB: {}}, settings=PlanSettings(qualifying_stage=3)),
    ]
    assert len({inputs_hash(plan) for plan in [base, *others]}) == 6
    assert inputs_hash(plan_of(tmp_path, {SMB: {}})) == inputs_hash(base)
    # Assumptions of cells without a goal are no input.
    assert inputs_hash(plan_of(tmp_path, {SMB: {}, ENTERPRISE: {}})) == inputs_hash(base)


@pytest.mark.parametrize("goal", [1 / 3, 1e-9, 1e12])
def test_numbers_are_plain_decimals_whatever_their_size(tmp_path: Path, goal: float) -> None:
    plan = plan_of(tmp_path, {SMB: {}}, goal_lines([round(goal, 2)] * 2 + [80_000] * 10))
    for row in table(plan):
        assert "e" not in row["target_count"]
        assert len(row["target_count"].split(".")[1]) == 4
