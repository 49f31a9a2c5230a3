"""The package and the dbt project agree on the marts it reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from conftest import ROOT, Warehouse
from reverse_funnel.headlines import COVERAGE_QUERY, CREATED_QUERY
from reverse_funnel.plan.assumptions import DECIMALS, OWN_LEVELS, read_assumptions, tabulate
from reverse_funnel.warehouse import DbtProject

pytestmark = pytest.mark.dbt


@pytest.fixture
def project(demo: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[DbtProject]:
    monkeypatch.setenv("UNIFIED_PIPELINE_DB", str(demo.path))
    monkeypatch.setenv("DBT_TARGET_PATH", str(demo.folder / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(demo.folder / "logs"))
    for name in ("DBT_PROFILES_DIR", "DBT_PROJECT_DIR", "DBT_TARGET", "UNIFIED_PIPELINE_SEEDS"):
        monkeypatch.delenv(name, raising=False)
    return DbtProject(ROOT, demo.profiles_dir())


def test_the_assumptions_mart_has_what_a_plan_reads(project: DbtProject) -> None:
    book = read_assumptions(project.query)
    assert {entry.parameter for entry in book.entries} == set(DECIMALS)
    goal_cells = tuple(sorted({entry.cell.goal_cell for entry in book.entries}))
    table = tabulate(book, goal_cells)
    assert table.measured.mean() > 0.9
    mix = np.bincount(table.goal_index, weights=np.nan_to_num(table.mix.value))
    np.testing.assert_allclose(mix, 1.0, atol=1e-6)
    levels = {row["cell_level"] for row in project.query("select * from {{ ref('cell_levels') }}")}
    assert {entry.source_level for entry in book.entries} <= levels
    assert {entry.measured_level for entry in book.entries} <= levels
    assert levels >= OWN_LEVELS


def test_the_headline_marts_have_what_is_shown(project: DbtProject) -> None:
    created = project.query(CREATED_QUERY)
    assert {row["segment"] for row in created} == {"smb", "mid_market", "enterprise"}
    assert len({row["plan_version"] for row in created}) == 1
    coverage = project.query(COVERAGE_QUERY)
    assert {row["horizon"] for row in coverage} == {0, 1, 2}
    assert {row["cell_level"] for row in coverage} == {"company", "segment"}
