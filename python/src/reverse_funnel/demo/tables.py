"""Raw tables as a connector lands them, and the SQL that fills them from neutral chunks.

The source of a column is a SQL expression over the rows that feed its table (see
:mod:`reverse_funnel.demo.writer`). Codes turn into strings here, in the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ID, TEXT, STAMP, DAY = "varchar", "varchar", "timestamp", "date"
MONEY, FLAG, WHOLE, NUMBER = "decimal(18,2)", "boolean", "integer", "double"

INDUSTRIES = (
    "Software",
    "Manufacturing",
    "Retail",
    "Financial services",
    "Healthcare",
    "Logistics",
    "Media",
    "Education",
)


def words(values: Iterable[str], code: str) -> str:
    """Return SQL for the string a code (0 for the first) stands for; null for -1."""
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"[{listed}][{code} + 1]"


def money(column: str) -> str:
    """Return SQL for an amount of which NaN means none."""
    return f"case when isnan({column}) then null else {column} end"


def day(column: str) -> str:
    """Return SQL for a date from days since 1970-01-01."""
    return f"date '1970-01-01' + {column}::integer"


@dataclass(frozen=True)
class Table:
    """A landed table: ``columns`` are (name, SQL type, SQL expression).

    ``feeds`` are the chunks it takes its rows from, each with the SQL that makes rows of one, in
    which ``{chunk}`` stands for it. By default a table has the rows of the chunk of its own name.
    """

    name: str
    columns: tuple[tuple[str, str, str], ...]
    feeds: tuple[tuple[str, str], ...] | None = None

    @property
    def ddl(self) -> str:
        """Column list of a CREATE TABLE."""
        return ", ".join(f'"{name}" {kind}' for name, kind, _ in self.columns)

    @property
    def select(self) -> str:
        """Select list of the INSERT."""
        return ", ".join(f"{source}" for _, _, source in self.columns)

    def sources(self, chunk: str) -> list[str]:
        """Return the SQL of the rows that a chunk brings to this table, none for most chunks."""
        feeds = ((self.name, "{chunk}"),) if self.feeds is None else self.feeds
        return [rows for name, rows in feeds if name == chunk]
