"""The same models on PostgreSQL give the same rows as on DuckDB."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg2
import pytest

from conftest import ROOT, PostgresServer, Warehouse, comparable
from reverse_funnel.warehouse import DbtProject, publish_raw

pytestmark = [pytest.mark.dbt, pytest.mark.postgres]


@pytest.fixture(scope="module")
def built(
    demo: Warehouse, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Land the demo's raw tables in PostgreSQL and build there; the address to connect to."""
    copy = Warehouse(tmp_path_factory.mktemp("on_postgres"), environment=postgres.environment)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in postgres.environment.items():
            patch.setenv(name, value)
        project = DbtProject(Path.cwd(), copy.profiles_dir())
        with demo.connect() as raw:
            publish_raw(raw, "salesforce", project.connection(), "salesforce")
    copy.dbt("build")
    return f"host=127.0.0.1 port={postgres.port} user=postgres dbname=unified_pipeline"


def test_a_past_day_is_forecast_the_same_and_leaves_nothing_behind(
    demo: Warehouse,
    built: str,
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stores = []
    for name, environment in (("there", postgres.environment), ("here", {})):
        warehouse = Warehouse(tmp_path_factory.mktemp(name), environment=environment)
        warehouse.own_seeds()
        if name == "here":
            shutil.copy(demo.path, warehouse.path)
        warehouse.run("reverse-funnel", "backtest", "--from", "2026-06-30", "--to", "2026-06-30")
        store = ROOT / warehouse.seeds / "backtests" / "backtest_forecasts.csv"
        stores.append(store.read_text().splitlines())
    assert len(stores[0]) > 100
    assert stores[0] == stores[1]
    with psycopg2.connect(built) as connection, connection.cursor() as cursor:
        cursor.execute("select schema_name from information_schema.schemata")
        assert not [schema for (schema,) in cursor.fetchall() if "backtest" in schema]


def test_every_row_is_the_same_as_on_duckdb(demo: Warehouse, built: str) -> None:
    tables = demo.query(
        "select table_schema, table_name, string_agg(column_name, ', ' order by ordinal_position) "
        "from information_schema.columns where table_schema in ('crm', 'intermediate', 'marts') "
        "group by all order by 1, 2"
    )
    assert len(tables) > 30
    differing = []
    with psycopg2.connect(built) as connection, connection.cursor() as cursor:
        for schema, table, columns in tables:
            query = f"select {columns} from {schema}.{table}"
            cursor.execute(query)
            if comparable(cursor.fetchall()) != comparable(demo.query(query)):
                differing.append(f"{schema}.{table}")
    assert not differing
