from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from conftest import PostgresServer
from reverse_funnel.errors import ReverseFunnelError
from reverse_funnel.warehouse import (
    ConnectionInfo,
    open_database,
    publish_raw,
    raw_tables,
    raw_workspace,
)

AWKWARD = """
create schema src;
create table src."order" as select * from (values
    (1, 'a,b', null, 0.1::double, true, timestamp '2026-01-01 01:02:03.5', date '2026-01-01',
     12.50::decimal(18, 2), timestamptz '2026-01-01 02:00:00+02'),
    (2, '', 'NULL', null, false, null, null, null, null),
    (3, 'line\nbreak "quoted"', '\\N', 1e300, null, null, null, -0.01, null)
) as t(id, "Text", other, ratio, flag, happened_at, day, amount, zoned);
create table src.empty (id bigint);
"""
AWKWARD_ROWS = [
    (
        1,
        "a,b",
        None,
        0.1,
        True,
        datetime(2026, 1, 1, 1, 2, 3, 500000),
        date(2026, 1, 1),
        Decimal("12.50"),
        "2026-01-01 00:00:00+00",
    ),
    (2, "", "NULL", None, False, None, None, None, None),
    (3, 'line\nbreak "quoted"', "\\N", 1e300, None, None, None, Decimal("-0.01"), None),
]
SELECT = 'select id, "Text", other, ratio, flag, happened_at, day, amount, cast(zoned as varchar)'


@pytest.fixture
def database(tmp_path: Path) -> ConnectionInfo:
    return ConnectionInfo(
        target="dev",
        type="duckdb",
        settings={"path": "new/folder/raw.duckdb"},
        project_dir=tmp_path,
    )


@pytest.fixture
def server(postgres: PostgresServer, tmp_path: Path) -> ConnectionInfo:
    return ConnectionInfo(
        target="server",
        type="postgres",
        settings={
            "host": "127.0.0.1",
            "port": postgres.port,
            "user": "postgres",
            "dbname": "unified_pipeline",
        },
        project_dir=tmp_path,
    )


def publish(info: ConnectionInfo, sql: str, **options: Any) -> dict[str, int]:
    with raw_workspace() as workspace:
        workspace.execute(sql)
        return publish_raw(workspace, "src", info, "raw_test", **options)


def ask(info: ConnectionInfo, sql: str) -> list[tuple[Any, ...]]:
    if info.type == "duckdb":
        with open_database(info, read_only=True) as connection:
            return connection.execute(sql).fetchall()
    connection = psycopg2.connect(**info.settings, options="-c timezone=UTC")
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def test_duckdb_gets_every_value_as_it_was(database: ConnectionInfo) -> None:
    assert publish(database, AWKWARD) == {"empty": 0, "order": 3}
    assert ask(database, f'{SELECT} from raw_test."order" order by 1') == AWKWARD_ROWS
    assert raw_tables(database, "raw_test") == {"order", "empty"}


def test_the_file_can_be_read_by_older_clients(database: ConnectionInfo) -> None:
    publish(database, AWKWARD)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database.database_path}' as written (read_only)")
        tags = connection.execute(
            "select tags from duckdb_databases() where database_name = 'written'"
        ).fetchone()
    assert tags is not None
    assert "v1.4.0" in str(tags[0]["storage_version"])


def test_duckdb_shows_no_progress_bar_of_its_own(database: ConnectionInfo) -> None:
    publish(database, AWKWARD)
    with raw_workspace() as workspace, open_database(database) as connection:
        for opened in (workspace, connection):
            shown = opened.execute("select current_setting('enable_progress_bar')").fetchone()
            assert shown == (False,)


def test_publishing_again_replaces_and_drops(database: ConnectionInfo) -> None:
    publish(database, AWKWARD)
    publish(database, "create schema src; create table src.other as select 1 as x", drop=["order"])
    assert raw_tables(database, "raw_test") == {"other", "empty"}


def test_there_are_no_tables_where_there_is_no_database(database: ConnectionInfo) -> None:
    assert raw_tables(database, "raw_test") == frozenset()
    assert not database.database_path.exists()


def test_a_file_held_by_another_process_says_so(database: ConnectionInfo) -> None:
    publish(database, AWKWARD)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "
            "sys.stdin.read()",
            str(database.database_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(ReverseFunnelError, match="in use by another process"):
            publish(database, AWKWARD)
    finally:
        holder.communicate()


def test_other_warehouses_have_loaders_of_their_own(tmp_path: Path) -> None:
    info = ConnectionInfo(target="t", type="snowflake", settings={}, project_dir=tmp_path)
    with pytest.raises(ReverseFunnelError, match="your own loader"):
        publish(info, AWKWARD)
    with pytest.raises(ReverseFunnelError, match="your own loader"):
        raw_tables(info, "raw_test")


@pytest.mark.postgres
def test_postgres_gets_every_value_as_it_was(server: ConnectionInfo) -> None:
    assert publish(server, AWKWARD) == {"empty": 0, "order": 3}
    zoned = SELECT.replace("cast(zoned as varchar)", "zoned::text")
    assert ask(server, f'{zoned} from raw_test."order" order by 1') == AWKWARD_ROWS
    assert raw_tables(server, "raw_test") == {"order", "empty"}


@pytest.mark.postgres
def test_views_over_a_table_of_the_same_shape_stay(server: ConnectionInfo) -> None:
    publish(server, AWKWARD)
    connection = psycopg2.connect(**server.settings)
    with connection, connection.cursor() as cursor:
        cursor.execute('create or replace view raw_test_view as select id from raw_test."order"')
    publish(server, AWKWARD.replace("(1, 'a,b'", "(7, 'a,b'"))
    assert ask(server, "select id from raw_test_view order by 1") == [(2,), (3,), (7,)]


@pytest.mark.postgres
def test_a_table_of_another_shape_is_made_anew(server: ConnectionInfo) -> None:
    publish(server, AWKWARD)
    publish(server, "create schema src; create table src.\"order\" as select 'x' as id")
    assert ask(server, 'select * from raw_test."order"') == [("x",)]


@pytest.mark.postgres
def test_a_failure_on_postgres_changes_nothing(server: ConnectionInfo) -> None:
    publish(server, AWKWARD)
    broken = AWKWARD.replace("bigint", "integer[]").replace("(1, 'a,b'", "(9, 'a,b'")
    with pytest.raises(ReverseFunnelError, match=r"empty\.id has type INTEGER\[\]"):
        publish(server, f'{broken} alter table src."order" rename to another;', drop=["order"])
    assert ask(server, 'select min(id) from raw_test."order"') == [(1,)]
    assert "another" not in raw_tables(server, "raw_test")


@pytest.mark.postgres
def test_a_server_that_does_not_answer_is_named_without_its_password(
    server: ConnectionInfo, tmp_path: Path
) -> None:
    away = ConnectionInfo(
        target="t",
        type="postgres",
        settings={**server.settings, "port": 1, "password": "hush"},
        project_dir=tmp_path,
    )
    with pytest.raises(ReverseFunnelError, match=r"postgres://127\.0\.0\.1:1") as caught:
        raw_tables(away, "raw_test")
    assert "hush" not in str(caught.value)
