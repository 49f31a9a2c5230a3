"""The gate in a terminal: what failed, how much of it, some of it, and what to do."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reverse_funnel.text import NOTHING, short_path
from reverse_funnel.validate.pages import found
from reverse_funnel.validate.run import GateResult


def gate_summary(result: GateResult, *, strict: bool = False) -> RenderableType:
    """Return the failed expectations as a table, stops first, and the verdict."""
    parts: list[RenderableType] = []
    if result.failed:
        table = Table(
            title="Raw tables that are not as expected", title_justify="left", show_lines=True
        )
        for heading in ("", "Where", "What", "Found", "Such as", "What to do"):
            table.add_column(
                heading, justify="right" if heading == "Found" else "left", overflow="fold"
            )
        for one in result.failed:
            table.add_row(
                Text(one.severity, style="bold red" if one.severity == "stop" else "yellow"),
                Text(f"{one.crm}.{one.table}{'.' if one.column else ''}{one.column}"),
                Text(f"{one.check.name}: {one.says}"),
                found(one),
                Text("\n".join(one.measure.samples) if one.measure else NOTHING),
                Text(one.remedy),
            )
        parts.append(table)
    stops = sum(one.severity == "stop" for one in result.failed)
    warnings = len(result.failed) - stops
    verdict = "Stop: do not build." if result.stops(strict=strict) else "Fit to build."
    parts.append(
        Text(
            f"{verdict} {result.asked:,} {_plural('expectation', result.asked)} of "
            f"{result.tables} {_plural('table', result.tables)}: "
            f"{stops} {_plural('stop', stops)}, {warnings} {_plural('warning', warnings)}. "
            f"Report: {short_path(result.report)}"
        )
    )
    return Group(*parts)


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"
