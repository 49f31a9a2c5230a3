from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
from typer.testing import CliRunner

import reverse_funnel.warehouse
from conftest import PostgresServer
from plan_builders import SMB, answers, goal_lines, mart_rows, write_seeds
from reverse_funnel import __version__
from reverse_funnel.cli import app
from reverse_funnel.warehouse import ConnectionInfo

VARS = {"corporate_currency": "USD", "crm_sources": ["salesforce"], "qualifying_stage": 2}


@dataclass
class FakeProject:
    """A project whose warehouse answers with prepared rows."""

    project_dir: Path
    answer: Callable[[str], list[dict[str, Any]]] = field(default=lambda _sql: [])
    vars: dict[str, Any] = field(default_factory=lambda: dict(VARS))

    @property
    def seeds_dir(self) -> Path:
        return self.project_dir / "seeds"

    def query(self, sql: str) -> list[dict[str, Any]]:
        return self.answer(sql)

    def connection(self) -> ConnectionInfo:
        return ConnectionInfo(
            target="dev",
            type="duckdb",
            settings={"path": "warehouse/test.duckdb"},
            project_dir=self.project_dir,
        )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProject:
    fake = FakeProject(tmp_path)
    monkeypatch.setattr(reverse_funnel.warehouse, "DbtProject", lambda *_: fake)
    monkeypatch.chdir(tmp_path)
    return fake


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("verb", ["demo", "load", "plan", "headlines"])
def test_every_verb_explains_itself_with_examples(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert "Examples" in result.output
    assert f"reverse-funnel {verb}" in result.output
    for option in ("--project-dir", "--profiles-dir", "--target"):
        assert option in result.output


def test_help_imports_nothing_heavy() -> None:
    command = (
        "import sys; from reverse_funnel.cli import app; import reverse_funnel.cli; "
        "heavy = {'duckdb', 'numpy', 'dbt', 'pydantic', 'scipy', 'jinja2'} & set(sys.modules); "
        "print(sorted(heavy)); app(['--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("[]")
    assert "headlines" in done.stdout


def test_the_version_is_shown() -> None:
    assert run("--version").output == f"reverse-funnel {__version__}\n"


def test_an_unknown_option_is_a_fault_of_input() -> None:
    assert run("plan", "--verison", "x").exit_code == 2


def test_plan_writes_and_says_so(project: FakeProject) -> None:
    write_seeds(project.project_dir, goal_lines([80_000] * 12))
    project.answer = answers(mart_rows({SMB: {}}))
    first = run("plan", "--version", "FY2026-v1")
    assert first.exit_code == 0, first.output
    assert "Plan FY2026-v1 is recorded in seeds/targets." in first.output
    assert "FY2026" in first.output
    again = run("plan", "--version", "FY2026-v1")
    assert again.exit_code == 0
    assert "Plan FY2026-v1 is unchanged." in again.output
    assert "no plan version was recorded" in run("plan").output


def test_faults_are_listed_without_a_traceback_and_exit_with_2(project: FakeProject) -> None:
    lines = goal_lines([80_000] * 3)
    write_seeds(project.project_dir, [lines[0], lines[1].replace("80000", "lots"), lines[2]])
    result = run("plan", "--version", "FY2026-v1")
    assert result.exit_code == 2
    assert "Error: seeds/finance/bookings_goals.csv, row 3, column bookings_goal:" in result.stderr
    assert "'lots' is not a number" in result.stderr
    assert "→" in result.stderr
    assert "Traceback" not in result.output
    assert not list((project.project_dir / "seeds" / "targets").iterdir())


def test_goals_approved_after_the_day_planned_for_exit_with_2(project: FakeProject) -> None:
    """Before the warehouse is asked where the day is given, after it where it is its own."""
    write_seeds(project.project_dir, goal_lines([80_000] * 12, approved_at="2026-01-15"))
    early = run("plan", "--version", "FY2026-v1", "--as-of", "2025-12-31")
    project.answer = answers(mart_rows({SMB: {}}))
    for result in (early, run("plan")):
        assert result.exit_code == 2
        said = " ".join(result.stderr.split())
        assert "seeds/finance/bookings_goals.csv, column approved_at: no goals were" in said
        assert "no goals were approved by 2025-12-31; version 'FY2026' was approved only on" in said
    assert not list((project.project_dir / "seeds" / "targets").iterdir())
    assert run("plan", "--version", "v1", "--goals-version", "FY2026").exit_code == 0


def test_faulty_goals_are_told_before_a_warehouse_that_is_not_built(project: FakeProject) -> None:
    lines = [*goal_lines([80_000]), *goal_lines([80_000], start=date(2027, 1, 1), version="FY2027")]
    write_seeds(project.project_dir, [lines[0], lines[1].replace("smb", "giant")])
    result = run("plan")
    assert result.exit_code == 2
    assert "row 3, column segment: 'giant' is not a known segment" in " ".join(
        result.stderr.split()
    )


def test_a_warehouse_that_is_not_built_exits_with_1(project: FakeProject) -> None:
    write_seeds(project.project_dir, goal_lines([80_000]))
    result = run("plan")
    assert result.exit_code == 1
    assert "dbt build --selector plan_inputs" in result.stderr


def test_a_folder_in_the_way_is_named_without_a_traceback(project: FakeProject) -> None:
    seeds = write_seeds(project.project_dir, goal_lines([80_000]))
    (seeds / "targets").rmdir()
    (seeds / "targets").write_text("in the way")
    result = run("plan")
    assert result.exit_code == 1
    assert "targets: File exists" in result.stderr


def test_a_bug_is_not_dressed_up_as_a_fault_of_input(project: FakeProject) -> None:
    write_seeds(project.project_dir, goal_lines([80_000]))
    project.answer = lambda _: [{"unexpected": 1}]
    result = run("plan")
    assert isinstance(result.exception, KeyError)


def test_load_reports_rows_and_how_to_use_them(project: FakeProject) -> None:
    folder = project.project_dir / "exports"
    folder.mkdir()
    (folder / "opportunities.csv").write_text(
        "opportunity_id,created_at,stage_name,amount,close_date\n"
        "O1,2026-01-05,Qualified,many,2026-03-31\n"
    )
    result = run("load", "exports", "--as-of", "2026-08-31")
    assert result.exit_code == 0, result.output
    assert "as of 2026-08-31 23:59:59 UTC" in result.output
    assert "exports/opportunities.csv, row 2, column amount: 'many'" in result.output
    assert "crm_sources: ['salesforce', 'flat_file']" in result.output
    strict = run("load", "exports", "--strict")
    assert strict.exit_code == 2
    assert "'many' does not read as money" in strict.stderr


def test_load_may_go_to_another_schema(project: FakeProject) -> None:
    folder = project.project_dir / "exports"
    folder.mkdir()
    (folder / "opportunities.csv").write_text(
        "opportunity_id,created_at,stage_name,amount,close_date\n"
    )
    project.vars["crm_sources"] = ["flat_file"]
    result = run("load", "exports", "--schema", "elsewhere")
    assert result.exit_code == 0, result.output
    assert "crm_sources" not in result.output
    with duckdb.connect(str(project.connection().database_path)) as connection:
        assert connection.execute("select count(*) from elsewhere.opportunities").fetchone() == (0,)


def test_demo_lands_tables_truth_and_goals_once(project: FakeProject) -> None:
    result = run(
        *("demo", "--opportunities", "50", "--as-of", "2026-06-30"),
        *("--write-goals", "goals.csv", "--write-headcount", "people.csv"),
        *("--write-costs", "finance/costs.csv"),
    )
    assert result.exit_code == 0, result.output
    assert "as of 2026-06-30; the truth is in warehouse/truth.json." in result.output
    assert (project.project_dir / "warehouse" / "truth.json").exists()
    for seed in ("goals.csv", "people.csv", "finance/costs.csv"):
        assert (project.project_dir / seed).exists()
        assert f"written to {seed}" in result.output
    with duckdb.connect(str(project.connection().database_path)) as connection:
        assert connection.execute("select count(*) from salesforce.opportunity").fetchone() != (0,)
    again = run("demo", "--if-missing")
    assert "nothing done" in again.output


def test_demo_lands_the_same_company_in_both_crms(project: FakeProject) -> None:
    project.vars["hubspot_schema"] = "raw_hubspot"
    result = run("demo", "--crm", "both", "--opportunities", "50")
    assert result.exit_code == 0, result.output
    assert "salesforce and raw_hubspot" in result.output
    with duckdb.connect(str(project.connection().database_path)) as connection:
        for table in ("salesforce.opportunity", "raw_hubspot.deal"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (50,)
    assert "nothing done" in run("demo", "--crm", "hubspot", "--if-missing").output


@pytest.mark.postgres
def test_demo_lands_on_postgres_too(
    project: FakeProject, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = {
        "host": "127.0.0.1",
        "port": postgres.port,
        "user": "postgres",
        "dbname": "unified_pipeline",
    }
    server = ConnectionInfo(
        target="server", type="postgres", settings=address, project_dir=project.project_dir
    )
    monkeypatch.setattr(project, "connection", lambda: server)
    project.vars["salesforce_schema"] = "demo_of_test"
    result = run("demo", "--opportunities", "50")
    assert result.exit_code == 0, result.output
    assert f"postgres://127.0.0.1:{postgres.port}/unified_pipeline" in result.output
    with psycopg2.connect(**address) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) > 0 from demo_of_test.opportunity")
        assert cursor.fetchone() == (True,)
    assert "nothing done" in run("demo", "--if-missing").output


def test_demo_refuses_what_cannot_be_simulated(project: FakeProject) -> None:
    project.vars["fiscal_year_start_month"] = 13
    result = run("demo")
    assert result.exit_code == 2
    assert "fiscal_year_start_month" in result.stderr


def test_the_module_runs_as_the_installed_command_does(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from reverse_funnel.cli import main; main()", "plan"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "DBT_PROJECT_DIR"},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: dbt_project.yml: no dbt project named unified_pipeline")
