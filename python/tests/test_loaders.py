"""Salesforce as Airbyte and dlt land it gives the marts that Fivetran's tables give.

The demo's tables are rewritten: names and types as the other loader has them, columns it would not
create left out, and rows that it appends once more when they change. What may differ is only how
many copies came in.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from conftest import Rows, Warehouse, comparable

pytestmark = pytest.mark.dbt

TABLES = (
    "opportunity",
    "opportunity_history",
    "opportunity_field_history",
    "account",
    "account_history",
    "lead",
    "lead_history",
    "task",
    "event",
    "user",
    "user_role",
    "record_type",
    "dated_conversion_rate",
)
# What an older version of a changed row looked like.
OLDER = {
    "opportunity": "stage_name = 'Proposal', amount = 1",
    "account": "number_of_employees = 1",
    "lead": "status = 'New'",
    "task": "status = 'Open', completed_date_time = completed_date_time - interval 400 day",
    "event": "start_date_time = start_date_time + interval 400 day",
}
MADE_AT = ("last_modified_date", "system_modstamp", "_fivetran_synced")


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def airbyte_column(name: str) -> str:
    if name == "_fivetran_synced":
        return "_airbyte_extracted_at"
    if name.endswith("_c"):
        return "_".join(part.capitalize() for part in name.split("_")[:-1]) + "__c"
    return pascal(name)


def dlt_column(name: str) -> str:
    if name == "_fivetran_synced":
        return "_dlt_load_id"
    return name.removesuffix("_c") + "__c" if name.endswith("_c") else name


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            "where schema_name = 'salesforce' and table_name = ? order by column_index",
            [table],
        ).fetchall()
    )


def append_copies(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Let a third of the rows have been landed before, some of them in an older version."""
    columns = columns_of(connection, table)
    third = "right(id, 3)::integer % 3 = 0"
    if table in OLDER:
        connection.execute(
            f'create temp table older as select * from salesforce."{table}" where {third}'
        )
        moved = ", ".join(
            f"{name} = {name} - interval 1 day" for name in MADE_AT if name in columns
        )
        connection.execute(f"update older set {OLDER[table]}, {moved}")
        connection.execute(f'insert into salesforce."{table}" from older; drop table older')
    elif table.endswith("history"):
        connection.execute(
            f'insert into salesforce."{table}" select * from salesforce."{table}" where {third}'
        )


def as_airbyte(connection: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES:
        append_copies(connection, table)
        columns = columns_of(connection, table)
        kept = ", ".join(
            f'("{name}" at time zone \'UTC\') as "{airbyte_column(name)}"'
            if kind == "TIMESTAMP"
            else f'"{name}" as "{airbyte_column(name)}"'
            for name, kind in columns.items()
            if name != "_fivetran_deleted"
        )
        connection.execute(
            f'create table salesforce."__{table}" as select {kept} from salesforce."{table}"; '
            f'drop table salesforce."{table}"; '
            f'alter table salesforce."__{table}" rename to "{pascal(table)}"'
        )


def as_dlt(connection: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES:
        append_copies(connection, table)
        columns = columns_of(connection, table)
        select = []
        for name, kind in columns.items():
            filled = connection.execute(
                f'select count("{name}") from salesforce."{table}"'
            ).fetchone()
            if name == "_fivetran_synced":
                value = f"(epoch_ms({name}) / 1000)::decimal(18, 3)::varchar"
            elif kind == "DATE":
                value = f"{name}::varchar"
            elif kind == "TIMESTAMP":
                value = f"{name} at time zone 'UTC'"
            else:
                value = f'"{name}"'
            # A column without any value does not come into being.
            if name != "_fivetran_deleted" and filled != (0,):
                select.append(f'{value} as "{dlt_column(name)}"')
        connection.execute(
            f'create table salesforce."__{table}" as select {", ".join(select)} '
            f'from salesforce."{table}"; drop table salesforce."{table}"; '
            f'alter table salesforce."__{table}" '
            f'rename to "{"sf_user" if table == "user" else table}"'
        )


@pytest.fixture(scope="module")
def landed(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Warehouse]:
    """Build the demo company from the tables of each of the other loaders."""
    warehouses = {}
    for loader, rewrite in (("airbyte", as_airbyte), ("dlt", as_dlt)):
        warehouse = Warehouse(tmp_path_factory.mktemp(loader), vars={"salesforce_loader": loader})
        shutil.copy(demo.path, warehouse.path)
        with warehouse.connect() as connection:
            rewrite(connection)
            for schema in ("staging", "crm", "intermediate", "marts"):
                connection.execute(f"drop schema {schema} cascade")
        warehouses[loader] = warehouse

    def build(warehouse: Warehouse) -> None:
        warehouse.dbt("build", "--exclude-resource-type", "unit_test", "test")
        warehouse.dbt("test", "--select", "marts.quality")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, warehouses.values()))
    return warehouses


def rows(warehouse: Warehouse, mart: str) -> Rows:
    """Rows of a mart, without what tells how many copies of them came in."""
    if mart == "data_quality":
        return warehouse.query(f"from marts.{mart} where handling <> 'superseded'")
    if mart == "reconciliation":
        return warehouse.query(
            f"select crm, contract_table, rows_published, rows_quarantined from marts.{mart}"
        )
    return warehouse.query(f"from marts.{mart}")


@pytest.mark.parametrize("loader", ["airbyte", "dlt"])
def test_another_loader_gives_the_same_marts(
    demo: Warehouse, landed: dict[str, Warehouse], loader: str
) -> None:
    marts = [
        name
        for (name,) in demo.query(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        )
    ]
    assert len(marts) > 25
    assert not [
        mart
        for mart in marts
        if comparable(rows(landed[loader], mart)) != comparable(rows(demo, mart))
    ]


@pytest.mark.parametrize("loader", ["airbyte", "dlt"])
def test_copies_that_came_in_are_accounted_for(landed: dict[str, Warehouse], loader: str) -> None:
    for table, copies in landed[loader].query(
        "select contract_table, rows_superseded + rows_out_of_scope from marts.reconciliation "
        "where contract_table <> 'users'"
    ):
        assert copies > 10, table
