from __future__ import annotations

from pathlib import Path

import pytest

from reverse_funnel.errors import InputError
from reverse_funnel.warehouse import ConnectionInfo, DbtProject

PROJECT = """
name: unified_pipeline
profile: unified_pipeline
seed-paths: ["{{ env_var('SEEDS_OF_TEST', 'seeds') }}"]
vars:
  corporate_currency: USD
  qualifying_stage: 2
  unified_pipeline:
    qualifying_stage: 3
"""
PROFILES = """
unified_pipeline:
  target: "{{ env_var('TARGET_OF_TEST', 'file') }}"
  outputs:
    file:
      type: duckdb
      path: "{{ env_var('PATH_OF_TEST', 'warehouse/x.duckdb') }}"
      threads: "{{ env_var('THREADS_OF_TEST', '2') | as_number }}"
    server:
      type: postgres
      host: "{{ var('server', 'localhost') }}"
      port: "{{ '5432' | as_number }}"
      user: "{{ env_var('USER_OF_TEST') }}"
      password: secret
      dbname: pipeline
      keepalive: "{{ 'true' | as_bool }}"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DBT_PROFILES_DIR", "DBT_PROJECT_DIR", "DBT_TARGET"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dbt_project.yml").write_text(PROJECT)
    (tmp_path / "profiles.yml").write_text(PROFILES)
    (tmp_path / "models" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_project_is_found_from_below(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "models" / "deep")
    assert DbtProject().project_dir == folder


def test_another_project_on_the_way_is_passed_by(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "models" / "dbt_project.yml").write_text("name: other\n")
    monkeypatch.chdir(folder / "models" / "deep")
    assert DbtProject().project_dir == folder


def test_no_project_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBT_PROJECT_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="--project-dir"):
        DbtProject()


def test_a_named_folder_must_hold_the_project(folder: Path) -> None:
    with pytest.raises(InputError, match="is not the project unified_pipeline"):
        DbtProject(folder / "models")


def test_vars_of_the_project_win_and_overrides_win_over_them(folder: Path) -> None:
    assert DbtProject(folder).vars == {"corporate_currency": "USD", "qualifying_stage": 3}
    project = DbtProject(folder, vars={"corporate_currency": "EUR"})
    assert project.vars["corporate_currency"] == "EUR"


def test_seeds_may_lie_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DbtProject(folder).seeds_dir == folder / "seeds"
    monkeypatch.setenv("SEEDS_OF_TEST", "/company/seeds")
    assert DbtProject(folder).seeds_dir == Path("/company/seeds")


def test_the_profile_is_rendered_as_dbt_would(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = DbtProject(folder).connection()
    assert (info.target, info.type, info.settings["threads"]) == ("file", "duckdb", 2)
    assert info.database_path == folder / "warehouse" / "x.duckdb"
    monkeypatch.setenv("PATH_OF_TEST", "/data/y.duckdb")
    assert DbtProject(folder).connection().database_path == Path("/data/y.duckdb")


def test_a_target_is_taken_from_the_option_then_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER_OF_TEST", "anna")
    info = DbtProject(folder, target="server", vars={"server": "db.example"}).connection()
    assert (info.settings["host"], info.settings["port"]) == ("db.example", 5432)
    assert info.settings["keepalive"] is True
    monkeypatch.setenv("TARGET_OF_TEST", "server")
    assert DbtProject(folder).connection().type == "postgres"
    monkeypatch.setenv("DBT_TARGET", "file")
    assert DbtProject(folder).connection().type == "duckdb"
    monkeypatch.setenv("DBT_ENGINE_TARGET", "server")
    assert DbtProject(folder).connection().type == "postgres"


def test_what_may_be_shown_of_a_connection_has_no_credentials(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER_OF_TEST", "anna")
    assert DbtProject(folder).connection().describe() == "warehouse/x.duckdb"
    shown = DbtProject(folder, target="server").connection().describe()
    assert shown == "postgres://localhost:5432/pipeline"
    assert "secret" not in repr(DbtProject(folder, target="server").connection())


def test_a_missing_variable_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("USER_OF_TEST", raising=False)
    with pytest.raises(InputError, match="environment variable USER_OF_TEST"):
        DbtProject(folder, target="server").connection()


def test_an_unknown_target_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(InputError, match="one of: file, server"):
        DbtProject(folder, target="moon").connection()


def test_a_missing_profile_file_says_what_to_copy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "profiles.yml").unlink()
    monkeypatch.setenv("HOME", str(folder))
    with pytest.raises(InputError, match=r"copy profiles\.yml\.example to profiles\.yml"):
        DbtProject(folder).connection()


def test_a_profile_file_without_this_profile_is_refused(folder: Path) -> None:
    (folder / "profiles.yml").write_text("other:\n  outputs: {}\n")
    with pytest.raises(InputError, match="no profile named unified_pipeline"):
        DbtProject(folder).connection()


def test_a_broken_file_is_named_with_its_line(folder: Path) -> None:
    (folder / "profiles.yml").write_text("a: 1\nb: [\n")
    with pytest.raises(InputError, match="is not valid YAML") as caught:
        DbtProject(folder).connection()
    assert caught.value.faults[0].row == 3


@pytest.mark.parametrize("path", [None, ":memory:", "md:company"])
def test_a_target_without_a_file_says_so(tmp_path: Path, path: str | None) -> None:
    settings = {} if path is None else {"path": path}
    info = ConnectionInfo(target="t", type="duckdb", settings=settings, project_dir=tmp_path)
    with pytest.raises(InputError, match="target t has no database file"):
        _ = info.database_path
