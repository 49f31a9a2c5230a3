"""Asking the raw tables: the few things in which DuckDB and Postgres differ, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from reverse_funnel.errors import Fault, InputError, ReverseFunnelError
from reverse_funnel.warehouse import ConnectionInfo, open_database
from reverse_funnel.warehouse.raw import postgres_cursor

Family = Literal["text", "number", "time", "boolean", "other"]
Rows = list[tuple[Any, ...]]

# What is a number on Postgres, and a time on both; the macros of the dbt project read the same.
_PG_NUMBER = "^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,2})?$"
_DAY = "(0[1-9]|1[0-9]|2[0-8]"
_FOURS = "(0[48]|[2468][048]|[13579][26])"
_TIME = (
    "^(([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
    f"-((0[13578]|1[02])-{_DAY}|29|30|31)|(0[469]|11)-{_DAY}|29|30)|02-{_DAY}))"
    f"|([0-9]{{2}}{_FOURS}|{_FOURS}00)-02-29)"
    "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?"
    "(Z| UTC|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?$"
)
_FRACTIONAL = ("double", "float", "real", "decimal", "numeric")


@dataclass(frozen=True, slots=True)
class RawDatabase:
    """The raw tables of a project's database, to be read only."""

    dialect: Literal["duckdb", "postgres"]
    query: Callable[[str], Rows]

    def tables(self, schema: str) -> dict[str, dict[str, str]]:
        """Return table → column in lower case → type as the database names it, in order."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in self.query(
            "select table_name, column_name, data_type from information_schema.columns "
            f"where table_schema = {literal(schema)} order by table_name, ordinal_position"
        ):
            found.setdefault(table, {})[column.lower()] = kind
        return found

    def text(self, column: str, kind: str = "") -> str:
        """Return SQL for a column as staging reads a text: trimmed, null where empty.

        `kind` is the column's type: a whole number has no decimals, though it may lie in a double.
        """
        text = f"cast({column} as varchar)"
        if kind.lower().startswith(_FRACTIONAL):
            text = (
                f"case when abs({column}) < 9e18 and {column} = floor({column}) "
                f"then cast(cast({column} as bigint) as varchar) else {text} end"
            )
        return f"nullif(trim({text}), '')"

    def number(self, column: str, family: Family) -> str:
        """Return SQL for a column as a number; null where a text does not read as one."""
        if family != "text":
            return f"cast({column} as double precision)"
        if self.dialect == "duckdb":
            return f"try_cast(trim({column}) as double)"
        trimmed = f"trim({column})"
        return f"case when {trimmed} ~ '{_PG_NUMBER}' then cast({trimmed} as double precision) end"

    def time(self, column: str, family: Family, kind: str) -> str:
        """Return SQL for a column as a UTC timestamp; null where a text does not read as one."""
        if family != "text":
            zoned = "with time zone" in kind.lower() or "timestamptz" in kind.lower()
            return f"({column} at time zone 'UTC')" if zoned else f"cast({column} as timestamp)"
        text = f"trim({column})"
        if self.dialect == "duckdb":
            is_time = f"regexp_matches({text}, '{_TIME}')"
            has_offset = f"regexp_matches(substr({text}, 11), '[-+ZC]')"
            moment = f"try_cast(replace({text}, ' UTC', 'Z') as timestamptz)"
        else:
            is_time = f"{text} ~ '{_TIME}'"
            has_offset = f"substr({text}, 11) ~ '[-+ZC]'"
            moment = f"cast({text} as timestamptz)"
        return (
            f"case when not {is_time} then null "
            f"when {has_offset} then {moment} at time zone 'UTC' else cast({text} as timestamp) end"
        )


def family(kind: str) -> Family:
    """Return the family of a type of DuckDB or Postgres."""
    name = kind.lower().split("(")[0].strip()
    if name.startswith(("timestamp", "date")):
        return "time"
    if name in {"boolean", "bool"}:
        return "boolean"
    if name.startswith(("varchar", "character", "text", "char", "uuid", "string")):
        return "text"
    numbers = ("int", "bigint", "smallint", "tinyint", "hugeint", "uint", "ubig", "usmall", "utiny")
    if name.startswith((*numbers, "decimal", "numeric", "double", "real", "float")):
        return "number"
    return "other"


@contextlib.contextmanager
def raw_database(info: ConnectionInfo) -> Iterator[RawDatabase]:
    """Yield the raw tables of the project's database.

    Raises `InputError` where there is no database yet, and `ReverseFunnelError` where it cannot be
    opened or is neither DuckDB nor Postgres.
    """
    if info.type == "duckdb":
        if not info.database_path.exists():
            raise InputError(
                Fault(
                    problem=f"there is no database {info.describe()}",
                    remedy="load the raw tables first (reverse-funnel demo makes some)",
                )
            )
        with open_database(info, read_only=True) as connection:
            yield RawDatabase("duckdb", _duckdb_query(connection))
    elif info.type == "postgres":
        with postgres_cursor(info) as cursor:
            cursor.execute("set transaction read only; set local timezone to 'UTC'")

            def query(sql: str) -> Rows:
                cursor.execute(sql)
                return list(cursor.fetchall())

            yield RawDatabase("postgres", query)
    else:
        raise ReverseFunnelError(
            f"the gate reads raw tables on DuckDB and Postgres, not on {info.type}",
            remedy="use dbt source freshness and the marts data_quality and source_gaps there",
        )


def _duckdb_query(connection: duckdb.DuckDBPyConnection) -> Callable[[str], Rows]:
    def query(sql: str) -> Rows:
        return connection.execute(sql).fetchall()

    return query


def name(identifier: str) -> str:
    """Return an identifier as SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"
