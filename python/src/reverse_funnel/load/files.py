"""Reading flat files into a DuckDB workspace: first as text, then in the types they can bear.

A column whose every value reads as its type gets that type. A column with a value that does not
stays text: the values that read are written in their type's own spelling, the others as they came,
so that the dbt project can quarantine those rows and nothing is lost.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from reverse_funnel.errors import Fault, InputError, raise_if
from reverse_funnel.load.contract import EXAMPLES, SQL_TYPES, TABLES, FlatTable, Kind

ENDINGS = (".csv", ".parquet")
LOADED_AT = "_loaded_at"
BUILT = "built"

_DELIMITERS = (",", ";", "\t", "|")
# DuckDB reads more than is meant: 'epoch' as a time, '1_000' and '0x1F' as numbers.
_SHAPES: dict[Kind, str] = {
    "timestamp": r"\d{4}-\d{2}-\d{2}"
    r"([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|UTC|[+-]\d{2}(:?\d{2})?))?)?",
    "date": r"\d{4}-\d{2}-\d{2}([ T]00:00(:00(\.0+)?)?Z?)?",
    "money": r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?",
    "number": r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?",
    "integer": r"[-+]?\d+(\.0*)?",
    "boolean": r"(?i)(true|false|t|f|yes|no|y|n|1|0)",
}


@dataclass(frozen=True, slots=True)
class UnreadColumn:
    """A column that stays text because a value of it does not read as its type."""

    file: Path
    column: str
    kind: Kind
    count: int
    row: int | None
    value: str

    def fault(self) -> Fault:
        """Return the column as a fault, with its first offending value."""
        others = f" (and {self.count - 1:,} more)" if self.count > 1 else ""
        return Fault(
            file=self.file,
            row=self.row,
            column=self.column,
            problem=f"{self.value!r} does not read as {self.kind}{others}",
            remedy=f"write it as {EXAMPLES[self.kind]}",
        )


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """A table in the workspace, and what was noticed about it."""

    table: FlatTable
    rows: int
    unread: tuple[UnreadColumn, ...]
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]


def find_files(folder: Path) -> tuple[dict[str, Path], tuple[Path, ...]]:
    """Return the file of each table found, and the data files that belong to no table.

    Raises `InputError` for a missing folder, a missing required table, or two files of one table.
    """
    if not folder.is_dir():
        raise InputError(
            Fault(file=folder, problem="is not a folder", remedy="name the folder of the files")
        )
    known = {table.name for table in TABLES}
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix.lower() in ENDINGS:
            found.setdefault(path.stem.lower(), []).append(path)
    raise_if(
        [
            *(
                Fault(
                    file=folder / f"{table.name}.csv",
                    problem="not found",
                    remedy=f"add it, as CSV or Parquet, with the columns "
                    f"{', '.join(table.required)}",
                )
                for table in TABLES
                if table.is_required and table.name not in found
            ),
            *(
                Fault(
                    file=paths[1],
                    problem=f"there is {paths[0].name} as well",
                    remedy="keep one of the two",
                )
                for name, paths in found.items()
                if name in known and len(paths) > 1
            ),
        ]
    )
    tables = {name: paths[0] for name, paths in found.items() if name in known}
    strangers = (path for name, paths in found.items() if name not in known for path in paths)
    return tables, tuple(sorted(strangers))


def read_table(
    connection: duckdb.DuckDBPyConnection, table: FlatTable, path: Path, loaded_at: datetime
) -> LoadedTable:
    """Read one file into the workspace table `built.<name>`.

    Raises `InputError` for a file that is no table, or lacks a required column.
    """
    is_csv = path.suffix.lower() == ".csv"
    given = _read_csv(connection, path) if is_csv else _read_parquet(connection, path)
    columns = _tidy(path, given)
    raise_if(
        Fault(file=path, row=1, column=name, problem="is missing", remedy="add the column")
        for name in table.required
        if name not in columns.values()
    )
    kinds = {
        tidy: (original, table.columns[tidy])
        for original, tidy in columns.items()
        if table.columns.get(tidy, "text") != "text"
    }
    unread = _unread(connection, path, kinds, count_from=2 if is_csv else 1)
    as_text = {column.column for column in unread}
    selected = []
    for original, tidy in columns.items():
        kind = table.columns.get(tidy, "text")
        expression = _typed(original, kind)
        if tidy in as_text:
            expression = f"coalesce(cast({expression} as varchar), {_name(original)})"
        selected.append(f"{expression} as {_name(tidy)}")
    connection.execute(f"create schema if not exists {BUILT}")
    rows = connection.execute(
        f"create table {BUILT}.{_name(table.name)} as "
        f"select {', '.join(selected)}, timestamp '{loaded_at:%Y-%m-%d %H:%M:%S}' as {LOADED_AT} "
        "from incoming order by incoming.rowid"
    ).fetchone()
    connection.execute("drop table incoming")
    return LoadedTable(
        table=table,
        rows=int(rows[0]) if rows else 0,
        unread=unread,
        missing_columns=tuple(name for name in table.columns if name not in columns.values()),
        extra_columns=tuple(name for name in columns.values() if name not in table.columns),
    )


def _read_csv(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Read a CSV file into the table `incoming`, all text; return its column names as given."""
    header, delimiter = _header(path)
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(header)))
    try:
        connection.execute(
            "create table incoming as from read_csv(?, header = true, auto_detect = false, "
            f"delim = ?, quote = '\"', escape = '\"', columns = {{{types}}}, "
            "strict_mode = true, store_rejects = true, rejects_limit = 0)",
            [str(path), delimiter],
        )
    except duckdb.Error as error:
        raise InputError(_unreadable(path, str(error))) from error
    rejected = connection.execute(
        "select line, first(error_message) from reject_errors group by line order by line"
    ).fetchall()
    connection.execute("drop table reject_errors; drop table reject_scans")
    raise_if(
        Fault(
            file=path,
            row=line,
            problem=_first_line(message),
            remedy="put text that holds a delimiter, a quote or a line break in double quotes, "
            "and save the file in UTF-8",
        )
        for line, message in rejected
    )
    return header


def _header(path: Path) -> tuple[list[str], str]:
    """Return a CSV file's column names, and the delimiter that splits them into the most."""
    try:
        with path.open("rb") as stream:
            line = stream.readline().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            Fault(file=path, row=1, problem="is not UTF-8 text", remedy="save it in UTF-8")
        ) from error
    if not line.strip():
        raise InputError(
            Fault(file=path, problem="is empty", remedy="write at least the header line")
        )
    split = {mark: next(csv.reader([line], delimiter=mark)) for mark in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda mark: len(split[mark]))
    return split[delimiter], delimiter


def _read_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Read a Parquet file into the table `incoming`, all text; return its column names."""
    try:
        described = connection.execute(
            "select column_name, column_type from (describe from read_parquet(?))", [str(path)]
        ).fetchall()
        # Text of a time with a zone carries its offset, which is what the cast back reads.
        selected = ", ".join(
            f"cast({_name(name)} as varchar) as c{index}"
            for index, (name, _) in enumerate(described)
        )
        connection.execute(
            f"create table incoming as select {selected} from read_parquet(?)", [str(path)]
        )
    except duckdb.Error as error:
        raise InputError(_unreadable(path, str(error))) from error
    return [name for name, _ in described]


def _tidy(path: Path, given: Sequence[str]) -> dict[str, str]:
    """Return, by the workspace's column name (c0, c1, …), the name each column is loaded under.

    Names are lower case with underscores. Raises `InputError` for an empty or repeated one.
    """
    tidied = [re.sub(r"\W+", "_", name.strip().lower()).strip("_") for name in given]
    faults = []
    for index, (name, tidy) in enumerate(zip(given, tidied, strict=True)):
        if not tidy or tidy in tidied[:index]:
            faults.append(
                Fault(
                    file=path,
                    row=1,
                    column=name or f"number {index + 1}",
                    problem="has no name" if not tidy else f"repeats the column {tidy}",
                    remedy="give every column a name of its own",
                )
            )
    raise_if(faults)
    return {f"c{index}": tidy for index, tidy in enumerate(tidied)}


def _unread(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    kinds: dict[str, tuple[str, Kind]],
    *,
    count_from: int,
) -> tuple[UnreadColumn, ...]:
    """Return the columns in which a value does not read as its kind, in one pass over the table."""
    if not kinds:
        return ()
    measures: list[str] = []
    for original, kind in kinds.values():
        bad = f"trim({original}) <> '' and {_typed(original, kind)} is null"
        measures += [
            f"count(*) filter (where {bad})",
            f"min(rowid) filter (where {bad})",
            f"arg_min({original}, rowid) filter (where {bad})",
        ]
    figures = connection.execute(f"select {', '.join(measures)} from incoming").fetchone() or ()
    return tuple(
        UnreadColumn(
            file=path,
            column=tidy,
            kind=kind,
            count=count,
            row=first + count_from,
            value=value,
        )
        for (tidy, (_, kind)), (count, first, value) in zip(
            kinds.items(), _in_threes(figures), strict=True
        )
        if count
    )


def _in_threes(figures: Sequence[object]) -> Iterable[tuple[int, int, str]]:
    values = iter(figures)
    return zip(values, values, values, strict=True)  # type: ignore[arg-type]


def _typed(column: str, kind: Kind) -> str:
    """Return SQL for a text column's value as its kind; null where it does not read as one."""
    if kind == "text":
        return column
    trimmed = f"trim({column})"
    if kind == "timestamp":
        # Through a time with zone: a cast to plain timestamp would drop the offset.
        value = f"try_cast({trimmed} as timestamptz) at time zone 'UTC'"
    elif kind == "date":
        value = f"try_cast(left({trimmed}, 10) as date)"
    else:
        value = f"try_cast({trimmed} as {SQL_TYPES[kind]})"
    return f"case when regexp_full_match({trimmed}, '{_SHAPES[kind]}') then {value} end"


def _unreadable(path: Path, message: str) -> Fault:
    line = re.search(r"Line: (\d+)", message)
    return Fault(
        file=path,
        row=int(line.group(1)) if line else None,
        problem=f"cannot be read: {_first_line(message)}",
        remedy="save it as CSV in UTF-8, or as Parquet",
    )


def _first_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    telling = [line for line in lines if not re.match(r".*(CSV Error on Line|Original Line)", line)]
    return (telling or lines or [message])[0].rstrip(".")


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
