"""The same models on PostgreSQL give the same rows as on DuckDB."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg2
import pytest

from conftest import ROOT, PostgresServer, Rows, Warehouse, comparable
from reverse_funnel.warehouse import DbtProject, publish_raw

pytestmark = [pytest.mark.dbt, pytest.mark.postgres]

READER = "mart_reader"


@pytest.fixture(scope="module")
def built(
    demo: Warehouse, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Land the demo's raw tables in PostgreSQL and build there; the address to connect to."""
    copy = Warehouse(
        tmp_path_factory.mktemp("on_postgres"),
        environment={**postgres.environment, "UNIFIED_PIPELINE_READER_ROLE": READER},
    )
    address = f"host=127.0.0.1 port={postgres.port} user=postgres dbname=unified_pipeline"
    with psycopg2.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(f"create role {READER} login")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in postgres.environment.items():
            patch.setenv(name, value)
        project = DbtProject(Path.cwd(), copy.profiles_dir())
        with demo.connect() as raw:
            publish_raw(raw, "salesforce", project.connection(), "salesforce")
    copy.dbt("build")
    return address


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
        "and column_name <> 'fingerprint' "  # each warehouse has a hash function of its own
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


def test_the_reader_role_can_select_every_mart_and_nothing_else(built: str) -> None:
    with psycopg2.connect(built) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2"
        )
        tables = cursor.fetchall()
    schemas = {schema for schema, _ in tables}
    assert schemas >= {"salesforce", "seeds", "staging", "crm", "intermediate", "marts"}

    readable, refused = set(), set()
    reader = psycopg2.connect(built.replace("user=postgres", f"user={READER}"))
    reader.autocommit = True
    with reader.cursor() as cursor:
        for schema, table in tables:
            try:
                cursor.execute(f'select * from "{schema}"."{table}" limit 1')
                readable.add((schema, table))
            except psycopg2.errors.InsufficientPrivilege:
                refused.add((schema, table))
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("delete from marts.owners")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("create table marts.of_the_reader (id integer)")
    reader.close()
    assert readable == {(schema, table) for schema, table in tables if schema == "marts"}
    assert len(readable) > 20
    assert len(refused) == len(tables) - len(readable)


def test_the_age_of_loads_is_measured_here_too(
    built: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    assert built
    there = Warehouse(tmp_path, environment=postgres.environment)
    done = there.dbt("source", "freshness", "--vars", "as_of_date: 2026-08-31")
    assert done.stdout.count("PASS freshness of salesforce") == 12
    done = there.dbt("source", "freshness", "--vars", "as_of_date: 2026-12-31", check=False)
    assert "ERROR STALE freshness of salesforce.opportunity" in done.stdout


ONE_DAY = """
update salesforce.opportunity set amount = amount + 1 where id like '%7';
update salesforce.opportunity_history set amount = 5 where id like '%77';
insert into salesforce.opportunity_history
    select * from salesforce.opportunity_history where id like '%78';
delete from salesforce.opportunity_history where id like '%79';
delete from salesforce.opportunity where id like '%99';
update salesforce.lead set status = 'Working' where id like '%5';
delete from salesforce.lead where id like '%99';
"""


def test_a_daily_run_gives_what_a_full_refresh_gives(
    built: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    """The last test here, for the raw tables are others afterwards."""
    names = ("crm.crm_opportunities", "crm.crm_leads", "intermediate.int_opportunities__versioned")

    def tables() -> list[Rows]:
        with psycopg2.connect(built) as connection, connection.cursor() as cursor:
            found = []
            for name in names:
                cursor.execute(f"select * from {name}")
                found.append(comparable(cursor.fetchall()))
            return found

    before = tables()
    with psycopg2.connect(built) as connection, connection.cursor() as cursor:
        cursor.execute(ONE_DAY)
    there = Warehouse(tmp_path, environment=postgres.environment)
    there.dbt("run", "--select", "+int_opportunities__versioned")
    by_key = tables()
    there.dbt("run", "--full-refresh", "--select", "+int_opportunities__versioned")
    assert [ours == full for ours, full in zip(by_key, tables(), strict=True)] == [True] * 3
    assert not any(ours == then for ours, then in zip(by_key, before, strict=True))
