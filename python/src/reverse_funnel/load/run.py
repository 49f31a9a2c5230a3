"""The verb `load`: read every file, then publish all tables at once or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from reverse_funnel.errors import raise_if
from reverse_funnel.load.contract import TABLES, FlatTable
from reverse_funnel.load.files import BUILT, LoadedTable, UnreadColumn, find_files, read_table
from reverse_funnel.warehouse import ConnectionInfo, publish_raw, raw_tables, raw_workspace


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What was loaded, what was not there, and what was noticed."""

    loaded: tuple[LoadedTable, ...]
    absent: tuple[FlatTable, ...]
    dropped: tuple[str, ...]
    ignored_files: tuple[Path, ...]
    loaded_at: datetime

    @property
    def unread(self) -> tuple[UnreadColumn, ...]:
        """Every column that stays text because of a value in it."""
        return tuple(column for table in self.loaded for column in table.unread)


def load_flat_files(
    folder: Path,
    info: ConnectionInfo,
    *,
    raw_schema: str = "flat_file",
    as_of: date | None = None,
    strict: bool = False,
    progress: Callable[[str, float], None] = lambda _what, _share: None,
) -> LoadResult:
    """Load a folder of CSV or Parquet files into a raw schema.

    Parameters
    ----------
    folder
        Holds a file for each table, named after it; see `contract.TABLES`.
    info
        The project's database.
    raw_schema
        The schema to load into. Tables of the contract that the folder lacks are dropped from it.
    as_of
        The load counts as of the end of this day; by default as of now, both in UTC.
    strict
        Refuse values that do not read as their column's type instead of keeping them as text.
    progress
        Told what is being done, and the share of the work that is done.

    Raises `InputError` for faulty files; the raw schema is then as it was.

    """
    files, ignored = find_files(folder)
    loaded_at = datetime.combine(as_of, time(23, 59, 59)) if as_of else _now()
    present = [table for table in TABLES if table.name in files]
    with raw_workspace() as connection:
        loaded = []
        for done, table in enumerate(present):
            progress(f"reading {files[table.name].name}", done / (len(present) + 1))
            loaded.append(read_table(connection, table, files[table.name], loaded_at))
        if strict:
            raise_if(column.fault() for table in loaded for column in table.unread)
        progress("publishing", len(present) / (len(present) + 1))
        absent = tuple(table for table in TABLES if table.name not in files)
        left_over = raw_tables(info, raw_schema) & {table.name for table in absent}
        dropped = tuple(sorted(left_over))
        publish_raw(connection, BUILT, info, raw_schema, drop=dropped)
    progress("done", 1.0)
    return LoadResult(
        loaded=tuple(loaded),
        absent=absent,
        dropped=dropped,
        ignored_files=ignored,
        loaded_at=loaded_at,
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
