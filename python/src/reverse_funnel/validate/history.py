"""What earlier runs found: rows and columns of each raw table, to hold the next load against.

One line a table and load, in a CSV file beside the warehouse. A run that stopped leaves no line, so
that a bad load never becomes the measure of the next one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from reverse_funnel.errors import Fault, InputError
from reverse_funnel.text import short_path
from reverse_funnel.validate.measure import Landed

HISTORY_FILE = "history.csv"
FIELDS = ("database", "raw_schema", "raw_table", "load", "row_count", "columns")
# So many loads make what is usual, and so many are kept.
USUAL_RUNS = 5
KEPT_RUNS = 400


@dataclass(frozen=True, slots=True)
class Line:
    """A table in one run; `load` is the latest load time of its CRM then, as text."""

    database: str
    schema: str
    table: str
    load: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """All lines, oldest first."""

    lines: tuple[Line, ...] = ()

    def of(self, database: str, schema: str) -> History:
        """Return what is known of a schema of a database."""
        return History(
            tuple(line for line in self.lines if (line.database, line.schema) == (database, schema))
        )

    def usual_rows(self, table: str) -> float | None:
        """Return the median row count of a table's last runs; None where there was none."""
        counts = [line.rows for line in self.lines if line.table == table][-USUAL_RUNS:]
        return float(median(counts)) if counts else None

    def last_columns(self) -> dict[str, tuple[str, ...]]:
        """Return table → its columns in the last run of this schema."""
        last = self.lines[-1].load if self.lines else ""
        return {line.table: line.columns for line in self.lines if line.load == last}

    def with_run(self, lines: Iterable[Line]) -> History:
        """Return the history with a run added; one of the same load is replaced."""
        added = tuple(lines)
        replaced = {(line.database, line.schema, line.load) for line in added}
        kept = [
            line for line in self.lines if (line.database, line.schema, line.load) not in replaced
        ]
        runs = list(dict.fromkeys((line.database, line.schema, line.load) for line in kept))
        dropped = set(runs[: max(0, len(runs) - KEPT_RUNS)])
        return History(
            tuple(line for line in kept if (line.database, line.schema, line.load) not in dropped)
            + added
        )


def run_lines(database: str, load: str, landed: Iterable[Landed]) -> list[Line]:
    """Return the lines of a run."""
    return [
        Line(database, table.table.schema, table.table.name, load, table.rows, tuple(table.types))
        for table in landed
    ]


def read_history(folder: Path) -> History:
    """Return the history kept in a folder, an empty one where there is none yet.

    Raises `InputError` naming the row that cannot be read.
    """
    path = folder / HISTORY_FILE
    if not path.exists():
        return History()
    lines = []
    with path.open(newline="", encoding="utf-8") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                lines.append(
                    Line(
                        database=row["database"],
                        schema=row["raw_schema"],
                        table=row["raw_table"],
                        load=row["load"],
                        rows=int(row["row_count"]),
                        columns=tuple(row["columns"].split()),
                    )
                )
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise InputError(
                    Fault(
                        file=short_path(path),
                        row=number,
                        problem="is no line of a history",
                        remedy="remove the line, or the file to begin anew",
                    )
                ) from error
    return History(tuple(lines))


def write_history(folder: Path, history: History) -> None:
    """Write the history, all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{HISTORY_FILE}"
    with draft.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(FIELDS)
        for line in history.lines:
            columns = " ".join(line.columns)
            writer.writerow((line.database, line.schema, line.table, line.load, line.rows, columns))
    draft.replace(folder / HISTORY_FILE)
