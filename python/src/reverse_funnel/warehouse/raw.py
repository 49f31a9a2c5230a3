"""Writing raw tables, as a loader would land them: all of a schema's tables or none.

Tables are built in a DuckDB workspace and published in one transaction: on DuckDB by copying into
the attached file, on Postgres by COPY. Any other warehouse has a loader of its own.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import duckdb

from reverse_funnel.errors import ReverseFunnelError
from reverse_funnel.warehouse.profile import ConnectionInfo

# The oldest storage format that has everything used here: older clients and BI tools can read it.
STORAGE_VERSION = "v1.4.0"

_POSTGRES_TYPES = {
    "VARCHAR": "text",
    "JSON": "jsonb",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "UTINYINT": "smallint",
    "INTEGER": "integer",
    "USMALLINT": "integer",
    "BIGINT": "bigint",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(39,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP_S": "timestamp without time zone",
    "TIMESTAMP_MS": "timestamp without time zone",
    "TIMESTAMP_NS": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "UUID": "uuid",
}

Column = tuple[str, str]  # name, type


def open_database(info: ConnectionInfo, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open the project's DuckDB file, creating it and its folder when writing.

    Raises `ReverseFunnelError` when another process holds the file, or it cannot be opened.
    """
    path = info.database_path
    try:
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        config: dict[str, str | bool | int | float | list[str]] = {
            "storage_compatibility_version": STORAGE_VERSION
        }
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
    except (duckdb.Error, OSError) as error:
        raise _cannot_open(info, error) from error
    _prepare(connection)
    return connection


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Set a connection to UTC, and keep DuckDB's own progress bar out of the output."""
    connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")


@contextlib.contextmanager
def raw_workspace() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an empty scratch database on disk, in UTC, thrown away afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="reverse_funnel_") as folder,
        duckdb.connect(str(Path(folder) / "workspace.duckdb")) as connection,
    ):
        _prepare(connection)
        yield connection


def raw_tables(info: ConnectionInfo, raw_schema: str) -> frozenset[str]:
    """Return the names of the tables that a raw schema already holds; empty where it is absent."""
    listing = "select table_name from information_schema.tables where table_schema = "
    if info.type == "duckdb":
        if not info.database_path.exists():
            return frozenset()
        with open_database(info, read_only=True) as connection:
            rows = connection.execute(f"{listing} ?", [raw_schema]).fetchall()
    elif info.type == "postgres":
        with postgres_cursor(info) as cursor:
            cursor.execute(f"{listing} %s", [raw_schema])
            rows = cursor.fetchall()
    else:
        raise _no_loader(info)
    return frozenset(name for (name,) in rows)


def publish_raw(
    connection: duckdb.DuckDBPyConnection,
    source_schema: str,
    info: ConnectionInfo,
    raw_schema: str,
    *,
    drop: Collection[str] = (),
) -> dict[str, int]:
    """Publish every table of a workspace schema into the raw schema of the project's database.

    Parameters
    ----------
    connection
        The workspace that holds the tables.
    source_schema
        Their schema in it.
    info
        The project's database, DuckDB or Postgres.
    raw_schema
        The schema to publish to; created when absent.
    drop
        Tables left by an earlier load that the new one does not have.

    Returns
    -------
    Rows published by table. All of it happens in one transaction: a failure changes nothing.

    """
    tables = [
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = ? "
            "and database_name = current_database() order by table_name",
            [source_schema],
        ).fetchall()
    ]
    if info.type == "duckdb":
        return _publish_to_duckdb(connection, source_schema, tables, info, raw_schema, drop)
    if info.type == "postgres":
        return _publish_to_postgres(connection, source_schema, tables, info, raw_schema, drop)
    raise _no_loader(info)


def _publish_to_duckdb(
    connection: duckdb.DuckDBPyConnection,
    source_schema: str,
    tables: list[str],
    info: ConnectionInfo,
    raw_schema: str,
    drop: Collection[str],
) -> dict[str, int]:
    path = info.database_path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection.execute(
            f"attach {_literal(str(path))} as publication (storage_version '{STORAGE_VERSION}')"
        )
    except (duckdb.Error, OSError) as error:
        raise _cannot_open(info, error) from error
    schema = f"publication.{_name(raw_schema)}"
    published = {}
    try:
        connection.execute("begin")
        connection.execute(f"create schema if not exists {schema}")
        for table in tables:
            # Reading the source by column keeps its order; the transaction keeps it whole.
            published[table] = _one(
                connection.execute(
                    f"create or replace table {schema}.{_name(table)} as "
                    f"from {_name(source_schema)}.{_name(table)}"
                ).fetchone()
            )
        for table in drop:
            connection.execute(f"drop table if exists {schema}.{_name(table)}")
        connection.execute("commit")
    except BaseException as error:
        connection.execute("rollback")
        if isinstance(error, duckdb.Error):
            raise _refused(info, error) from error
        raise
    finally:
        connection.execute("detach publication")
    return published


def _publish_to_postgres(
    connection: duckdb.DuckDBPyConnection,
    source_schema: str,
    tables: list[str],
    info: ConnectionInfo,
    raw_schema: str,
    drop: Collection[str],
) -> dict[str, int]:
    schema = _name(raw_schema)
    published = {}
    with (
        tempfile.TemporaryDirectory(prefix="reverse_funnel_") as folder,
        postgres_cursor(info) as cursor,
    ):
        cursor.execute(f"create schema if not exists {schema}")
        for table in tables:
            target = f"{schema}.{_name(table)}"
            columns = _postgres_columns(connection, source_schema, table)
            if columns == _existing_columns(cursor, raw_schema, table):
                # dbt's views over the table stay.
                cursor.execute(f"truncate {target}")
            else:
                cursor.execute(f"drop table if exists {target} cascade")
                listed = ", ".join(f"{_name(name)} {kind}" for name, kind in columns)
                cursor.execute(f"create table {target} ({listed})")
            csv_file = Path(folder) / "table.csv"
            connection.execute(
                f"copy {_name(source_schema)}.{_name(table)} to {_literal(str(csv_file))} "
                "(format csv, header false, nullstr '')"
            )
            with csv_file.open("rb") as stream:
                cursor.copy_expert(f"copy {target} from stdin with (format csv)", stream)
            published[table] = int(cursor.rowcount)
            cursor.execute(f"analyze {target}")
        for table in drop:
            cursor.execute(f"drop table if exists {schema}.{_name(table)} cascade")
    return published


@contextlib.contextmanager
def postgres_cursor(info: ConnectionInfo) -> Iterator[Any]:
    """Yield a cursor in a transaction of its own: committed on leaving, undone on any error."""
    try:
        # Imported here, because it comes with an extra.
        import psycopg2  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise ReverseFunnelError(
            "raw tables on Postgres need psycopg2",
            remedy="install the extra: reverse-funnel[postgres]",
        ) from error

    wanted = {
        "host": info.settings.get("host"),
        "port": info.settings.get("port"),
        "user": info.settings.get("user"),
        "password": info.settings.get("password") or info.settings.get("pass"),
        "dbname": info.settings.get("dbname") or info.settings.get("database"),
        "sslmode": info.settings.get("sslmode"),
    }
    try:
        connection = psycopg2.connect(**{key: value for key, value in wanted.items() if value})
    except psycopg2.OperationalError as error:
        raise ReverseFunnelError(
            f"cannot connect to {info.describe()}: {str(error).strip()}",
            remedy="start the server, or correct the target in profiles.yml",
        ) from error
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    except psycopg2.Error as error:
        raise _refused(info, error) from error
    finally:
        connection.close()


def _postgres_columns(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str
) -> list[Column]:
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where schema_name = ? and table_name = ? and database_name = current_database() "
        "order by column_index",
        [schema, table],
    ).fetchall()
    return [(name, _postgres_type(kind, f"{table}.{name}")) for name, kind in columns]


def _postgres_type(kind: str, column: str) -> str:
    if kind.startswith("DECIMAL("):
        return kind.replace("DECIMAL", "numeric")
    if kind not in _POSTGRES_TYPES:
        raise ReverseFunnelError(
            f"column {column} has type {kind}, which Postgres has no match for"
        )
    return _POSTGRES_TYPES[kind]


def _existing_columns(cursor: Any, schema: str, table: str) -> list[Column]:
    """Return a Postgres table's columns, types spelt as in `_POSTGRES_TYPES`; empty if absent."""
    cursor.execute(
        "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute as a "
        "join pg_class as c on c.oid = a.attrelid join pg_namespace as n on n.oid = c.relnamespace "
        "where n.nspname = %s and c.relname = %s and c.relkind = 'r' "
        "and a.attnum > 0 and not a.attisdropped order by a.attnum",
        [schema, table],
    )
    return list(cursor.fetchall())


def _one(row: tuple[Any, ...] | None) -> int:
    return int(row[0]) if row else 0


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _cannot_open(info: ConnectionInfo, error: Exception) -> ReverseFunnelError:
    if "lock" in str(error).lower():
        return ReverseFunnelError(
            f"{info.describe()} is in use by another process",
            remedy="close the program that has it open, and try again",
        )
    return ReverseFunnelError(f"cannot open {info.describe()}: {error}")


def _refused(info: ConnectionInfo, error: Exception) -> ReverseFunnelError:
    return ReverseFunnelError(
        f"{info.describe()} refused: {str(error).strip()}; nothing was written"
    )


def _no_loader(info: ConnectionInfo) -> ReverseFunnelError:
    return ReverseFunnelError(
        f"raw tables can be written to DuckDB and Postgres, not to {info.type}",
        remedy="land them with your own loader; everything else works on any adapter",
    )
