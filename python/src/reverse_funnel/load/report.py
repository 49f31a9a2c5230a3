"""A load in a terminal: rows by table, values that did not read, and what is switched off."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reverse_funnel.errors import describe_faults
from reverse_funnel.load.run import LoadResult
from reverse_funnel.text import NOTHING


def load_summary(result: LoadResult, *, raw_schema: str) -> RenderableType:
    """Return what was loaded and what a reader must know about it."""
    table = Table(
        title=f"Loaded into {raw_schema}, as of {result.loaded_at} UTC", title_justify="left"
    )
    table.add_column("Table")
    table.add_column("Rows", justify="right")
    table.add_column("Not in the file")
    table.add_column("Further columns")
    for loaded in result.loaded:
        table.add_row(
            loaded.table.name,
            f"{loaded.rows:,}",
            ", ".join(loaded.missing_columns) or NOTHING,
            ", ".join(loaded.extra_columns) or NOTHING,
        )
    return Group(table, Text("\n".join(load_notes(result))))


def load_notes(result: LoadResult) -> list[str]:
    """Return the warnings and consequences, a line each."""
    notes = []
    if result.unread:
        notes += [
            "Warning: these columns stay text; rows with such values will be repaired or "
            "quarantined by the dbt project:",
            describe_faults(column.fault() for column in result.unread),
        ]
    notes += [
        f"Warning: {loaded.table.name} has no rows."
        for loaded in result.loaded
        if loaded.table.is_required and loaded.rows == 0
    ]
    notes += [f"No {table.name}: {table.without_it}." for table in result.absent]
    notes += [
        f"Dropped {name}, left by an earlier load and absent from this one."
        for name in result.dropped
    ]
    notes += [f"Ignored {path.name}: no table has this name." for path in result.ignored_files]
    return notes
