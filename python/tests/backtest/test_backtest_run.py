"""The command on a project that only pretends: what is built, recorded, skipped and dropped."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import reverse_funnel.warehouse
from reverse_funnel.backtest import BacktestRequest, backtest
from reverse_funnel.backtest.run import model_version
from reverse_funnel.backtest.store import STORE_DIR, STORE_FILE
from reverse_funnel.cli import app
from reverse_funnel.errors import InputError, ReverseFunnelError
from reverse_funnel.plan.vintages import only_writer

TODAY = date(2026, 8, 31)
YEAR = BacktestRequest(first=date(2025, 9, 1), last=date(2026, 6, 30))


@dataclass
class FakeProject:
    """A warehouse that forecasts `amount`, and remembers what it was asked to do."""

    project_dir: Path
    vars: dict[str, Any] = field(default_factory=lambda: {"schema_prefix": "dev_", "week3_day": 21})
    amount: str = "100"
    broken_on: str = ""
    done: list[str] = field(default_factory=list)

    @property
    def seeds_dir(self) -> Path:
        return self.project_dir / "seeds"

    def with_vars(self, **more: Any) -> FakeProject:
        return replace(self, vars=self.vars | more)

    def query(self, sql: str) -> list[dict[str, Any]]:
        if "int_as_of" in sql:
            return [{"as_of_date": TODAY}]
        row = {"measure": "bookings", "method": "outlook", "fiscal_quarter": "Q", "segment": None}
        days = {"fiscal_quarter_start": date(2027, 1, 1), "due_on": date(2027, 3, 31)}
        amounts = {"forecast": Decimal(self.amount), "p10": None, "p50": None, "p90": None}
        day = date.fromisoformat(self.vars["as_of_date"])
        return [row | days | amounts | {"cell_level": "company", "as_of_date": day}]

    def build(self, select: str) -> None:
        self.done.append(f"build {select} {self.vars['schema_prefix']} {self.vars['as_of_date']}")
        if self.broken_on in (self.vars["as_of_date"], "everything"):
            raise ReverseFunnelError("broken")

    def run_operation(self, macro: str) -> None:
        if self.broken_on == "everything":
            raise ReverseFunnelError("cannot drop either")
        self.done.append(f"{macro} {self.vars['schema_prefix']} {self.vars['as_of_date']}")

    def files_of(self, _select: str) -> list[Path]:
        return [*self.project_dir.rglob("models/*.sql"), *self.project_dir.rglob("seeds/*/*.csv")]

    @property
    def store(self) -> Path:
        return self.seeds_dir / STORE_DIR / STORE_FILE


@pytest.fixture
def project(tmp_path: Path) -> FakeProject:
    for name in ("models/a.sql", "macros/b.sql", "seeds/mappings/c.csv", "seeds/targets/d.csv"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    return FakeProject(tmp_path)


def outcomes(project: FakeProject, request: BacktestRequest = YEAR) -> list[str]:
    return [done.outcome for done in backtest(request, project)]


def test_each_day_is_built_apart_recorded_and_dropped(project: FakeProject) -> None:
    assert outcomes(project) == ["1 forecasts recorded as vintage 1"] * 4
    assert project.done[:2] == [
        "build +forecasts dev_backtest_ 2025-09-30",
        "drop_backtest_schemas dev_backtest_ 2025-09-30",
    ]
    assert len(project.done) == 8
    assert len(project.store.read_text().splitlines()) == 5


def test_a_second_run_changes_nothing(project: FakeProject) -> None:
    outcomes(project)
    before = project.store.read_bytes()
    assert outcomes(project) == ["1 forecasts, unchanged"] * 4
    assert project.store.read_bytes() == before


def test_append_builds_only_what_is_not_recorded(project: FakeProject) -> None:
    outcomes(project, replace(YEAR, last=date(2025, 12, 31)))
    project.done.clear()
    project.amount = "200"
    said = outcomes(project, replace(YEAR, append=True))
    assert said == ["recorded already"] * 2 + ["1 forecasts recorded as vintage 1"] * 2
    assert "2025-12-31" not in " ".join(project.done)


def test_a_failure_keeps_the_days_before_and_drops_what_was_built(project: FakeProject) -> None:
    project.broken_on = "2025-12-31"
    with pytest.raises(ReverseFunnelError, match="broken"):
        outcomes(project)
    assert project.done[-1] == "drop_backtest_schemas dev_backtest_ 2025-12-31"
    lines = project.store.read_text().splitlines()
    assert [line[:10] for line in lines[1:]] == ["2025-09-30"]
    project.broken_on = ""
    assert outcomes(project, replace(YEAR, append=True))[0] == "recorded already"
    assert len(project.store.read_text().splitlines()) == 5


def test_the_first_of_two_failures_is_told(project: FakeProject) -> None:
    project.broken_on = "everything"
    with pytest.raises(ReverseFunnelError, match="broken"):
        outcomes(project)
    assert not project.store.exists()


def test_two_runs_at_once_are_refused(project: FakeProject) -> None:
    with (
        only_writer(project.seeds_dir / STORE_DIR, "held"),
        pytest.raises(ReverseFunnelError, match="another back-test is being written"),
    ):
        outcomes(project)


def test_a_rhythm_that_is_not_known_is_refused_before_anything(project: FakeProject) -> None:
    with pytest.raises(InputError, match="fortnight"):
        outcomes(project, BacktestRequest(every="fortnight"))
    assert not project.store.exists()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("models/a.sql", True),
        ("macros/b.sql", True),
        ("seeds/mappings/c.csv", True),
        ("seeds/targets/d.csv", False),
    ],
)
def test_the_model_version_is_of_the_code_and_not_of_the_data(
    project: FakeProject, name: str, changes: bool
) -> None:
    before = model_version(project)
    assert model_version(project.with_vars(as_of_date="2025-01-01")) == before
    assert model_version(project.with_vars(qualifying_stage=3)) != before
    (project.project_dir / name).write_text("other")
    assert (model_version(project) != before) == changes


def test_the_command_prints_what_became_of_each_day(
    project: FakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reverse_funnel.warehouse, "DbtProject", lambda *_: project)
    result = CliRunner().invoke(app, ["backtest", "--from", "2026-01-01", "--every", "week3"])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "2026-01-21: 1 forecasts recorded as vintage 1",
        "2026-04-21: 1 forecasts recorded as vintage 1",
        "2026-07-21: 1 forecasts recorded as vintage 1",
    ]
    wrong = CliRunner().invoke(app, ["backtest", "--to", "2027-01-01"])
    assert wrong.exit_code == 2
    assert "nothing is known of 2027-01-01" in wrong.stderr
    helped = CliRunner().invoke(app, ["backtest", "--help"])
    assert "reverse-funnel backtest --append" in helped.stdout
