from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from conftest import PostgresServer
from reverse_funnel.errors import ReverseFunnelError
from reverse_funnel.warehouse import DbtProject

pytestmark = pytest.mark.dbt


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbtProject]:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text(
        "name: unified_pipeline\nprofile: unified_pipeline\nmodel-paths: [models]\n"
        "vars: {greeting: hello}\n"
    )
    (folder / "profiles.yml").write_text(
        "unified_pipeline:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n"
        "      path: tiny.duckdb\n"
        "    server:\n      type: postgres\n      host: 127.0.0.1\n      user: postgres\n"
        "      port: \"{{ env_var('PORT_OF_TEST', '5432') | as_number }}\"\n"
        "      password: none\n      dbname: unified_pipeline\n      schema: public\n"
    )
    (folder / "models" / "built.sql").write_text("select 1 as x")
    (folder / "models" / "unbuilt.sql").write_text("{{ config(materialized='table') }} select 1")
    with duckdb.connect(str(folder / "tiny.duckdb")) as connection:
        connection.execute("create view built as select 42 as x")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DBT_PROFILES_DIR", "DBT_PROJECT_DIR", "DBT_TARGET", "DBT_TARGET_PATH"):
            patch.delenv(name, raising=False)
        yield DbtProject(folder, vars={"greeting": "good day"})


def test_rows_come_back_with_types_and_nulls(project: DbtProject) -> None:
    sql = (
        "select x as \"Answer\", '007' as code, '' as blank, cast(null as integer) as nothing, "
        "cast(0.1 as double) as ratio, cast(12.50 as decimal(18, 2)) as amount, "
        "date '2026-01-01' as day, timestamp '2026-01-01 02:03:04' as at, true as flag, "
        "'{{ var('greeting') }}' as greeting from {{ ref('built') }}"
    )
    assert project.query(sql) == [
        {
            "answer": 42,
            "code": "007",
            "blank": "",
            "nothing": None,
            "ratio": Decimal("0.1"),
            "amount": Decimal("12.50"),
            "day": date(2026, 1, 1),
            "at": datetime(2026, 1, 1, 2, 3, 4),
            "flag": True,
            "greeting": "good day",
        }
    ]


def test_all_rows_come_back_and_nothing_is_printed(
    project: DbtProject, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(project.query("select * from range(1234) as numbers(n)")) == 1234
    assert project.query("select 1 as x where false") == []
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_neither_the_current_folder_nor_the_database_is_kept(
    project: DbtProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project.query("select 1 as x")
    assert Path.cwd() == tmp_path
    assert not list(tmp_path.iterdir())
    # dbt's connection has other settings: open it would refuse a second one in this process.
    with duckdb.connect(str(project.project_dir / "tiny.duckdb"), read_only=True):
        pass


@pytest.mark.postgres
def test_postgres_answers_alike(
    project: DbtProject, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT_OF_TEST", str(postgres.port))
    on_postgres = DbtProject(project.project_dir, target="server")
    assert on_postgres.query(
        "select '007' as code, cast(null as integer) as nothing, cast(0.1 as double precision) "
        "as ratio, cast(12.50 as numeric(18, 2)) as amount, date '2026-01-01' as day"
    ) == [
        {
            "code": "007",
            "nothing": None,
            "ratio": Decimal("0.1"),
            "amount": Decimal("12.50"),
            "day": date(2026, 1, 1),
        }
    ]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select * from {{ ref('unbuilt') }}", "unbuilt does not exist"),
        ("select * from {{ ref('nowhere') }}", "nowhere"),
        ("select nope from {{ ref('built') }}", "nope"),
        ("select {{ unclosed", "unexpected"),
    ],
)
def test_a_failure_is_told_in_dbts_words(project: DbtProject, sql: str, message: str) -> None:
    with pytest.raises(ReverseFunnelError, match=message) as caught:
        project.query(sql)
    assert caught.value.exit_code == 1
    assert "dbt build" in caught.value.remedy
    assert project.query("select 1 as x") == [{"x": 1}]
