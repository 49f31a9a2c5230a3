"""The main job, as `make build` runs it: demo, build, plan, build what depends on it, headlines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import ROOT, Warehouse, comparable

pytestmark = pytest.mark.dbt

STEPS = [
    ("dbt", "build", "--exclude", "path:{seeds}/targets+", "--exclude-resource-type", "unit_test"),
    ("reverse-funnel", "plan", "--version", "test-v1"),
    ("dbt", "build", "--select", "path:{seeds}/targets+", "--exclude-resource-type", "unit_test"),
]


def run_job(warehouse: Warehouse, *also_excluded: str) -> str:
    """Run every step; `also_excluded` are more types that dbt's builds leave out."""
    for step in STEPS:
        extra = also_excluded if step[0] == "dbt" else ()
        warehouse.run(*(part.format(seeds=warehouse.seeds) for part in (*step, *extra)))
    return warehouse.run("reverse-funnel", "headlines").stdout


def seed_files(warehouse: Warehouse) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (ROOT / warehouse.seeds).rglob("*.csv")}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, str]:
    warehouse = Warehouse(tmp_path_factory.mktemp("job"))
    warehouse.own_seeds()
    goals = Path(warehouse.seeds, "finance", "bookings_goals.csv")
    warehouse.run("reverse-funnel", "demo", "--opportunities", "4000", "--write-goals", str(goals))
    return warehouse, run_job(warehouse)


def test_it_ends_with_the_two_headlines(job: tuple[Warehouse, str]) -> None:
    warehouse, said = job
    assert "Pipeline created vs target" in said
    assert "Pipeline coverage" in said
    assert warehouse.path.name in re.sub(r"\s", "", said)


def test_every_goal_is_served_or_said_to_be_out_of_reach(job: tuple[Warehouse, str]) -> None:
    """Next year's goals are what stands and what the targets bring through the plan's own kernels."""
    warehouse, _ = job
    goal, carried = warehouse.query(
        """
        with yields as (
            select segment, deal_type, territory, pipeline_source,
                max(value) filter (parameter = 'win_rate')
                * max(value) filter (parameter = 'won_amount') as per_opportunity
            from seeds.plan_assumptions group by all
        ),
        kernels as (
            select segment, deal_type, territory, pipeline_source, month_number, value as share
            from seeds.plan_assumptions where parameter = 'kernel_qualified_to_won'
        )
        select
            (select sum(bookings_goal)::double from seeds.bookings_goals
             where fiscal_month between date '2027-01-01' and date '2027-12-31')
            - (select sum(unreachable_amount)::double from seeds.pipeline_targets
               where fiscal_month >= date '2027-01-01'),
            (select sum(target_count * per_opportunity * share)::double
             from seeds.pipeline_targets
             join yields using (segment, deal_type, territory, pipeline_source)
             join kernels using (segment, deal_type, territory, pipeline_source)
             where funnel_step = 'qualified'
             and fiscal_month + to_months(month_number)
                 between date '2027-01-01' and date '2027-12-31')
            + (select sum(open_expected_amount)::double from intermediate.int_outlook__standing
               where fiscal_month between date '2027-01-01' and date '2027-12-31')
        """
    )[0]
    assert carried == pytest.approx(goal, rel=0.03)


def test_cells_sum_to_the_company(job: tuple[Warehouse, str]) -> None:
    warehouse, _ = job
    by_mart, by_seed = warehouse.query(
        "select (select sum(target_amount) from marts.pipeline_created_vs_target), "
        "(select sum(target_amount) from seeds.pipeline_targets where funnel_step = 'qualified')"
    )[0]
    assert by_mart == by_seed > 0


def test_meetings_are_targeted_by_count_only(job: tuple[Warehouse, str]) -> None:
    assert job[0].query(
        "select distinct funnel_step, target_amount is null from seeds.pipeline_targets order by 1"
    ) == [
        ("lead", True),
        ("meeting_accepted", True),
        ("meeting_completed", True),
        ("qualified", False),
    ]


def test_running_it_again_changes_nothing(job: tuple[Warehouse, str]) -> None:
    warehouse, said = job
    query = "select * from marts.pipeline_created_vs_target"
    seeds, rows = seed_files(warehouse), comparable(warehouse.query(query))
    assert run_job(warehouse, "test") == said
    assert seed_files(warehouse) == seeds
    assert comparable(warehouse.query(query)) == rows


def test_a_wrong_goal_stops_the_plan_and_touches_nothing(job: tuple[Warehouse, str]) -> None:
    warehouse, _ = job
    goals = ROOT / warehouse.seeds / "finance" / "bookings_goals.csv"
    text = goals.read_text()
    before = seed_files(warehouse)
    lines = text.splitlines()
    lines[5] = lines[5].replace("smb", "giant", 1)
    try:
        goals.write_text("\n".join(lines) + "\n")
        done = warehouse.run("reverse-funnel", "plan", "--version", "test-v2", check=False)
    finally:
        goals.write_text(text)
    assert done.returncode == 2
    said = re.sub(r"\s+", " ", done.stdout + done.stderr)
    for part in ("bookings_goals.csv", "6", "segment", "giant"):
        assert part in said
    assert seed_files(warehouse) == before


def test_a_plan_serves_the_goals_that_the_marts_have(job: tuple[Warehouse, str]) -> None:
    """With goals of mid-year and of the year after next beside the board's, all approved in time."""
    warehouse, _ = job
    seeds = ROOT / warehouse.seeds
    files = {path: path.read_bytes() for path in seeds.rglob("*.csv")}
    goals = seeds / "finance" / "bookings_goals.csv"
    header, *lines = goals.read_text().splitlines()
    given = [line.split(",") for line in lines]
    version, approved_at = (header.split(",").index(name) for name in ("version", "approved_at"))
    for cells in given:
        added = list(cells)
        if "2026-07-01" <= cells[0] <= "2026-12-01":
            added[4], added[version], added[approved_at] = "1000", "midyear", "2026-06-15"
        elif cells[0].startswith("2027"):
            added[0], added[version], added[approved_at] = (
                "2028" + cells[0][4:],
                "next",
                "2026-08-01",
            )
        else:
            continue
        lines.append(",".join(added))
    try:
        goals.write_text("\n".join([header, *lines]) + "\n")
        warehouse.dbt("build", "--select", "bookings_goals", "int_goals__spans", "int_goals")
        warehouse.run("reverse-funnel", "plan", "--version", "test-v3")
        plan = (seeds / "targets" / "plan_versions.csv").read_text().splitlines()[-1].split(",")
        need = (seeds / "targets" / "current_need.csv").read_text().splitlines()[1:]
        in_force = warehouse.query(
            "select sum(bookings_goal), count(distinct fiscal_month), min(fiscal_month)::varchar, "
            "max(fiscal_month)::varchar from intermediate.int_goals"
        )[0]
    finally:
        for path, content in files.items():
            path.write_bytes(content)
        warehouse.dbt("build", "--select", "bookings_goals", "int_goals__spans", "int_goals")
    months = {line[:10] for line in need}
    assert plan[0] == "test-v3"
    assert f"{in_force[0]:.2f}" == plan[-1]
    assert in_force[1:] == (36, min(months), max(months))
    assert len(months) == 36


def test_a_full_build_has_no_warning(job: tuple[Warehouse, str]) -> None:
    """Unit tests included, on clean data."""
    done = job[0].dbt("build", "--show-all-deprecations")
    assert re.search(r"PASS=\d+ WARN=0 ERROR=0 SKIP=0", done.stdout), done.stdout[-2000:]
    assert "eprecat" not in done.stdout
