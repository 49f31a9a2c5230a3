"""The same models on PostgreSQL give the same rows as on DuckDB."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest

from conftest import PostgresServer, Warehouse, comparable
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
