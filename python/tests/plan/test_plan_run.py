from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from plan_builders import (
    AS_OF,
    SMB,
    SMB_OUTBOUND,
    answers,
    goal_lines,
    mart_rows,
    write_seeds,
)
from reverse_funnel.errors import InputError, ReverseFunnelError
from reverse_funnel.plan import PlanRequest, PlanResult, run_plan
from reverse_funnel.plan.make import METHODS
from reverse_funnel.plan.report import plan_summary
from reverse_funnel.plan.run import read_problem
from reverse_funnel.plan.settings import read_settings
from reverse_funnel.plan.targets import HEADERS
from reverse_funnel.plan.vintages import Outcome
from reverse_funnel.text import NOTHING

VARS = {
    "corporate_currency": "USD",
    "plan_dimensions": ["segment", "deal_type", "territory", "pipeline_source"],
    "qualifying_stage": 2,
}
CELLS: dict[Any, dict[str, float | None]] = {
    SMB: {"source_mix": 0.75},
    SMB_OUTBOUND: {"source_mix": 0.25, "win_rate": 0.5},
}


def run(
    seeds: Path, version: str | None = None, cells: dict[Any, Any] | None = None, **options: Any
) -> PlanResult:
    rows = mart_rows(CELLS if cells is None else cells)
    return run_plan(
        PlanRequest(version=version, **options),
        query=answers(rows),
        seeds_dir=seeds,
        project_vars=VARS,
    )


def contents(seeds: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((seeds / "targets").iterdir())}


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return write_seeds(tmp_path, goal_lines([80_000] * 12))


def test_a_plan_is_reproduced_to_the_byte(seeds: Path, tmp_path: Path) -> None:
    run(seeds, "v1")
    other = write_seeds(tmp_path / "elsewhere", goal_lines([80_000] * 12))
    run(other, "v1")
    assert contents(other) == contents(seeds)
    assert set(contents(seeds)) == set(HEADERS)


def test_without_a_version_only_the_need_is_written(seeds: Path) -> None:
    run(seeds)
    assert set(contents(seeds)) == {"current_need.csv"}


def test_the_need_moves_while_the_plan_stays(seeds: Path) -> None:
    run(seeds, "v1")
    before = contents(seeds)
    run(seeds, cells={SMB: {"win_rate": 0.2}})
    after = contents(seeds)
    assert {name for name in before if before[name] != after[name]} == {"current_need.csv"}


def test_a_plan_once_made_is_unchanged_or_refused(seeds: Path) -> None:
    run(seeds, "v1")
    before = contents(seeds)
    assert run(seeds, "v1").outcome is Outcome.UNCHANGED
    with pytest.raises(InputError, match="plan v1 exists and differs"):
        run(seeds, "v1", cells={SMB: {"win_rate": 0.2}})
    assert contents(seeds) == before
    assert run(seeds, "v2", cells={SMB: {"win_rate": 0.2}}).outcome is Outcome.WRITTEN


def test_no_second_plan_runs_while_one_does(seeds: Path) -> None:
    def query(sql: str) -> list[dict[str, Any]]:
        with pytest.raises(ReverseFunnelError, match="another plan"):
            run(seeds, "v1")
        return answers(mart_rows(CELLS))(sql)

    run_plan(PlanRequest(), query=query, seeds_dir=seeds, project_vars=VARS)
    assert set(contents(seeds)) == {"current_need.csv"}


@pytest.mark.parametrize(
    "options",
    [
        {"version": "no good"},
        {"method": "crystal_ball"},
        {"goal_growth": -1.0},
        {"goal_growth": float("nan")},
        {"version": "v1", "goals_version": "FY1999"},
        # the current need is of the goals in force
        {"goals_version": "FY2026"},
        # approved on 10 December
        {"version": "v1", "as_of": date(2025, 12, 9)},
    ],
)
def test_faulty_requests_write_nothing(seeds: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        run(seeds, **options)
    assert caught.value.faults[0].remedy
    assert contents(seeds) == {}


def test_faulty_goals_write_nothing(tmp_path: Path) -> None:
    seeds = write_seeds(tmp_path, [*goal_lines([80_000] * 12), "2026-02-30,smb,,,,,,,"])
    with pytest.raises(InputError):
        run(seeds, "v1")
    assert contents(seeds) == {}


@pytest.mark.parametrize(
    ("start", "is_over"), [(date(2024, 1, 1), True), (date(2025, 2, 1), False)]
)
def test_goals_that_are_over_are_refused(tmp_path: Path, start: date, is_over: bool) -> None:
    # As of the last day of 2025; the second version's last goal is of January 2026.
    seeds = write_seeds(tmp_path, goal_lines([80_000] * 12, start=start))
    if is_over:
        with pytest.raises(
            InputError, match="'FY2026' is of 2024-12-01, which is over as of 2025-12-31"
        ):
            run(seeds, "v1")
        assert contents(seeds) == {}
    else:
        assert run(seeds, "v1").outcome is Outcome.WRITTEN


def test_ten_thousand_goal_cells_are_planned_and_written(tmp_path: Path) -> None:
    """Segments by territories, 9,900 goal cells: each gets what it would get alone."""
    segments = [f"segment{number:02}" for number in range(99)]
    territories = [f"territory{number:02}" for number in range(100)]
    cells = [
        SMB._replace(segment=segment, territory=territory)
        for segment in segments
        for territory in territories
    ]
    lines = [
        line
        for number, cell in enumerate(cells)
        for line in goal_lines([1000 * (1 + number % 7)] * 3, cell=cell.goal_cell)
    ]
    seeds = write_seeds(tmp_path, lines)
    mappings = seeds / "mappings"
    rules = [f"{segment},{number},{number}" for number, segment in enumerate(segments)]
    (mappings / "segment_rules.csv").write_text(
        "\n".join(["segment,min_employees,max_employees", *rules]) + "\n"
    )
    countries = [f"Country {number},{name}" for number, name in enumerate(territories)]
    (mappings / "territory_map.csv").write_text("\n".join(["country,territory", *countries]) + "\n")
    found = run(seeds, "v1", {cell: {} for cell in cells}).plan
    qualified = found.steps["qualified"]
    assert qualified.shape == (9900, 3)
    alone = run(write_seeds(tmp_path / "alone", goal_lines([3000.0] * 3)), cells={SMB: {}}).plan
    third = qualified[np.arange(9900) % 7 == 2]
    np.testing.assert_allclose(third, np.tile(alone.steps["qualified"], (len(third), 1)), rtol=1e-6)
    assert len((seeds / "targets" / "pipeline_targets.csv").read_text().splitlines()) > 9900 * 3


def test_what_is_gone_is_not_to_be_created_whatever_the_method(seeds: Path) -> None:
    rows = mart_rows(CELLS, as_of_date=date(2026, 6, 30))
    for method in METHODS:
        problem = read_problem(
            answers(rows), seeds, VARS, read_settings(VARS, seeds, method=method)
        )
        rest = problem.to_create(problem.solve(problem.extended))
        assert (rest[:, :6] == 0).all()
        assert (rest[:, 6:9] > 0).all()


def test_the_targets_bring_the_goal_when_simulated_forward(seeds: Path) -> None:
    run(seeds, "v1", method="fixed_lag")
    lines = (seeds / "targets" / "pipeline_targets.csv").read_text().splitlines()
    header, rows = lines[0].split(","), [line.split(",") for line in lines[1:]]
    worth = {"marketing": 0.25 * 40_000, "ae_outbound": 0.5 * 40_000}
    bookings: dict[str, float] = {}
    for cells in rows:
        row = dict(zip(header, cells, strict=True))
        if row["funnel_step"] == "qualified":
            won = float(row["target_count"]) * worth[row["pipeline_source"]]
            bookings[row["fiscal_month"]] = bookings.get(row["fiscal_month"], 0.0) + won
    assert list(bookings.values()) == pytest.approx([80_000] * 12)


def test_the_summary_counts_totals_and_names_what_is_unreachable(tmp_path: Path) -> None:
    enterprise = SMB._replace(segment="enterprise")
    goals = [*goal_lines([80_000] * 12), *goal_lines([1_000] * 12, cell=enterprise.goal_cell)]
    seeds = write_seeds(tmp_path, goals)
    cells = {SMB: {"lead_to_meeting_accepted_rate": None}, enterprise: {"win_rate": 0.0}}
    result = run(seeds, cells=cells, method="fixed_lag")
    console = Console(width=160, file=io.StringIO())
    console.print(plan_summary(result.plan, currency="USD", fiscal_year_start_month=7))
    shown = console.file.getvalue()
    # Half a year of 8 opportunities a month in each fiscal year.
    assert [
        line.split("│")[5].strip()
        for line in shown.splitlines()
        if "│ FY20" in line and "-Q" not in line
    ] == [
        "48",
        "48",
    ]
    # Nobody has a lead target, which is not a target of zero.
    assert [
        line.split("│")[2].strip()
        for line in shown.splitlines()
        if "│ FY20" in line and "-Q" not in line
    ] == [
        NOTHING,
        NOTHING,
    ]
    # The first two months of 2026 are served by pipeline of 2025.
    assert [
        line.split("│")[8].strip()
        for line in shown.splitlines()
        if "│ FY20" in line and "-Q" not in line
    ] == [
        "160.0k",
        "0",
    ]
    assert "UNREACHABLE: enterprise / new_business / emea, 12.0k USD" in shown


def test_the_summary_of_a_plan_made_within_the_year_is_of_the_months_to_come(seeds: Path) -> None:
    rows = mart_rows(CELLS, as_of_date=date(2026, 8, 31))
    plan = run_plan(
        PlanRequest(method="fixed_lag"), query=answers(rows), seeds_dir=seeds, project_vars=VARS
    ).plan
    console = Console(width=160, file=io.StringIO())
    console.print(plan_summary(plan, currency="USD", fiscal_year_start_month=1))
    shown = console.file.getvalue()
    assert "Targets by fiscal year, 2026-09 and later" in shown
    (year,) = (line.split("│") for line in shown.splitlines() if "│ FY2026 " in line)
    # Every column is of September to December: the goal of four months, not of twelve.
    assert year[7].strip() == "320.0k"
    assert float(year[5]) == pytest.approx(plan.steps["qualified"][:, 8:].sum(), abs=0.5)


def test_a_plan_of_an_earlier_day_leaves_the_current_need_alone(seeds: Path) -> None:
    run(seeds)
    need = contents(seeds)["current_need.csv"]
    other = {**CELLS, SMB: {"source_mix": 0.75, "win_rate": 0.5}}
    run(seeds, "v1", other, as_of=AS_OF)
    assert contents(seeds)["current_need.csv"] == need
    assert b"v1" in contents(seeds)["plan_versions.csv"]


def test_assumptions_of_another_day_are_refused(seeds: Path) -> None:
    with pytest.raises(ReverseFunnelError, match="not of 2025-12-30"):
        run(seeds, "v1", as_of=date(2025, 12, 30))
    with pytest.raises(InputError, match="version"):
        run(seeds, as_of=AS_OF)
    assert not (seeds / "targets").exists() or not contents(seeds)


MIDYEAR = goal_lines(
    [120_000] * 6, start=date(2026, 7, 1), version="FY2026-midyear", approved_at="2026-06-15"
)
NEXT_YEAR = goal_lines(
    [120_000] * 12, start=date(2027, 1, 1), version="FY2027", approved_at="2026-09-15"
)


def column(seeds: Path, file: str, name: str) -> list[str]:
    header, *rows = (seeds / "targets" / file).read_text().splitlines()
    return [row.split(",")[header.split(",").index(name)] for row in rows]


def test_a_plan_of_an_earlier_day_is_of_the_goals_of_that_day(seeds: Path, tmp_path: Path) -> None:
    run(seeds, "v1")
    before = contents(seeds)
    write_seeds(tmp_path, [*goal_lines([80_000] * 12), *MIDYEAR, *NEXT_YEAR])
    assert run(seeds, "v1", as_of=AS_OF).outcome is Outcome.UNCHANGED
    assert contents(seeds) == before


@pytest.mark.parametrize(
    ("as_of", "goals_version", "last_month"),
    [
        (date(2026, 6, 14), "FY2026", "2026-12-01"),
        (date(2026, 6, 15), "FY2026; FY2026-midyear", "2026-12-01"),
        (date(2026, 9, 15), "FY2026; FY2026-midyear; FY2027", "2027-12-01"),
    ],
)
def test_the_rest_of_the_year_stays_needed_when_next_years_goals_are_approved(
    tmp_path: Path, as_of: date, goals_version: str, last_month: str
) -> None:
    seeds = write_seeds(tmp_path, [*goal_lines([80_000] * 12), *MIDYEAR, *NEXT_YEAR])
    rows = answers(mart_rows(CELLS, as_of_date=as_of))
    run_plan(PlanRequest(version="v2"), query=rows, seeds_dir=seeds, project_vars=VARS)
    need = column(seeds, "current_need.csv", "fiscal_month")
    assert (min(need), max(need)) == ("2026-01-01", last_month)
    assert len(set(need)) == (12 if last_month.startswith("2026") else 24)
    assert column(seeds, "plan_versions.csv", "goals_version") == [goals_version]
    # The plan that replaces it is made from the same goals, whatever has been approved since.
    months = set(column(seeds, "pipeline_targets.csv", "fiscal_month"))
    later = answers(mart_rows(CELLS, as_of_date=date(2026, 9, 30)))
    request = PlanRequest(version="v3", base="v2")
    again = run_plan(request, query=later, seeds_dir=seeds, project_vars=VARS).plan
    assert again.goals.version == goals_version
    assert max(column(seeds, "pipeline_targets.csv", "fiscal_month")) == max(months)


def test_a_plan_of_goals_asked_for_by_name_leaves_the_current_need_alone(tmp_path: Path) -> None:
    seeds = write_seeds(tmp_path, [*goal_lines([80_000] * 12), *NEXT_YEAR])
    run(seeds)
    need = contents(seeds)["current_need.csv"]
    run(seeds, "FY2027-v1", goals_version="FY2027")
    assert contents(seeds)["current_need.csv"] == need
    assert min(column(seeds, "pipeline_targets.csv", "fiscal_month")) == "2027-01-01"
