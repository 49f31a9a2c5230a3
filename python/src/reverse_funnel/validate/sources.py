"""What raw tables must hold, as the sources' YAML beside the staging models describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverse_funnel.errors import Fault, InputError
from reverse_funnel.text import short_path
from reverse_funnel.warehouse.profile import Renderer, load_yaml


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column that the staging models read.

    Attributes
    ----------
    name
        Its name, in lower case.
    kind
        What it is read as: id, text, money, number, date, timestamp or boolean.
    required
        True where no row of the table can be used without it.
    without_it
        What its absence switches off; empty where it is required, or nothing is.
    key
        True where it names the row.
    references
        (table, column) whose values it must be among; None where it refers to nothing.
    values
        The mapping that must know its values; empty where any value will do.
    provides
        The mapping that its values are; empty elsewhere.
    expect
        The range its values lie in: amount, close_date or past; empty for none.

    """

    name: str
    kind: str = "text"
    required: bool = False
    without_it: str = ""
    key: bool = False
    references: tuple[str, str] | None = None
    values: str = ""
    provides: str = ""
    expect: str = ""

    @property
    def must_be_filled(self) -> bool:
        """True where a row whose value is null cannot be used, or not for what it is there for."""
        return self.key or (
            self.required and bool(self.references or self.values or self.expect == "past")
        )


@dataclass(frozen=True, slots=True)
class RawTable:
    """A raw table and its columns; `loaded_at` is the column that says when a row was loaded.

    `warn_hours` and `stop_hours` are the ages beyond which it is stale, None where its age says
    nothing.
    """

    crm: str
    schema: str
    name: str
    columns: tuple[RawColumn, ...]
    required: bool = False
    without_it: str = ""
    loaded_at: str = ""
    warn_hours: float | None = None
    stop_hours: float | None = None

    def column(self, name: str) -> RawColumn | None:
        """Return a column by name, None where it is not described."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def key(self) -> RawColumn | None:
        """The column that names a row; None where there is none."""
        return next((column for column in self.columns if column.key), None)


def read_sources(project_dir: Path, crm: str, variables: Mapping[str, Any]) -> tuple[RawTable, ...]:
    """Return the raw tables of a CRM; `InputError` where it has no description."""
    path = project_dir / "models" / "staging" / crm / f"_{crm}__sources.yml"
    if not path.is_file():
        known = sorted(
            folder.name
            for folder in (project_dir / "models" / "staging").glob("*")
            if folder.is_dir()
        )
        raise InputError(
            Fault(
                file=short_path(path),
                problem=f"no CRM named {crm} is staged",
                remedy=f"name one of {', '.join(known)} in var crm_sources or with --crm",
            )
        )
    document = Renderer(file=path, variables=variables)(load_yaml(path))
    (source,) = document["sources"]
    shared = source.get("config") or {}
    return tuple(
        _table(crm, str(source["schema"]), shared, table) for table in source.get("tables") or []
    )


def _table(crm: str, schema: str, shared: Mapping[str, Any], table: Mapping[str, Any]) -> RawTable:
    config = table.get("config") or {}
    meta = config.get("meta") or {}
    freshness = config.get("freshness", shared.get("freshness")) or {}
    return RawTable(
        crm=crm,
        schema=schema,
        name=str(table["name"]),
        columns=tuple(_column(column) for column in table.get("columns") or []),
        required=bool(meta.get("required", False)),
        without_it=str(meta.get("without_it", "")),
        loaded_at=str(config.get("loaded_at_field", shared.get("loaded_at_field", ""))),
        warn_hours=_hours(freshness.get("warn_after")),
        stop_hours=_hours(freshness.get("error_after")),
    )


def _column(column: Mapping[str, Any]) -> RawColumn:
    meta = (column.get("config") or {}).get("meta") or {}
    table, _, name = str(meta.get("references", "")).partition(".")
    return RawColumn(
        name=str(column["name"]).lower(),
        kind=str(meta.get("kind", "text")),
        required=bool(meta.get("required", False)),
        without_it=str(meta.get("without_it", "")),
        key=bool(meta.get("key", False)),
        references=(table, name) if name else None,
        values=str(meta.get("values", "")),
        provides=str(meta.get("provides", "")),
        expect=str(meta.get("expect", "")),
    )


_HOURS_IN = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}


def _hours(after: Mapping[str, Any] | None) -> float | None:
    if not after or after.get("count") is None:
        return None
    return float(after["count"]) * _HOURS_IN[str(after["period"])]
