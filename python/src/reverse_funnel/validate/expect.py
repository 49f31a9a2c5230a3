"""From measures and policy to expectations: what is asked of each table, and how strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reverse_funnel.validate.checks import CHECKS, READ_AS, Check
from reverse_funnel.validate.history import History
from reverse_funnel.validate.measure import Landed, Measure
from reverse_funnel.validate.policy import Policy, Rule, Severity
from reverse_funnel.validate.sources import RawTable

Form = Literal["exists", "type", "limit"]

# The families of types that a kind of column can be read from; any other kind can from every one.
READABLE_FROM = {
    "money": ("number", "text"),
    "number": ("number", "text"),
    "date": ("time", "text"),
    "timestamp": ("time", "text"),
    "boolean": ("boolean", "number", "text"),
}


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation of a table.

    `form` says how it is asked: that a column (or, on the page of a whole CRM, a table) exists,
    that its type is one of `families`, or that a measured value is at most `limit`.
    """

    check: Check
    crm: str
    table: str
    column: str
    severity: Severity
    form: Form
    families: tuple[str, ...] = ()
    limit: float = 0.0
    measure: Measure | None = None
    fills: Mapping[str, str] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """The page of the report it stands on: its table, or its CRM for all of its tables."""
        on_crm = self.check.name in {"table_exists", "table_kept"}
        return self.crm if on_crm else f"{self.crm}.{self.table}"

    @property
    def id(self) -> str:
        """A name of its own, the same in every run."""
        parts = (self.crm, self.table, self.column, self.check.name, self.severity)
        return ".".join(part for part in parts if part)

    @property
    def says(self) -> str:
        """What is wrong where it fails."""
        return self.check.says.format_map(_Blank(self.fills))

    @property
    def remedy(self) -> str:
        """What to do where it fails."""
        return self.check.remedy.format_map(_Blank(self.fills))


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "nothing is known of it"


@dataclass(frozen=True, slots=True)
class Landscape:
    """One CRM as it is: its described tables, those that are there, their types and measures."""

    crm: str
    tables: tuple[RawTable, ...]
    landed: Mapping[str, Landed]
    measures: tuple[Measure, ...]
    history: History
    moment: datetime


def expectations(landscape: Landscape, policy: Policy) -> list[Expected]:
    """Return everything that is expected of a CRM's raw tables, in the order of the report."""
    return [
        *_of_tables(landscape, policy),
        *_of_columns(landscape, policy),
        *_of_measures(landscape, policy),
    ]


def _of_tables(landscape: Landscape, policy: Policy) -> Iterator[Expected]:
    last = landscape.history.last_columns()
    for table in landscape.tables:
        kept = table.name in last and not table.required
        for check in ("table_exists",) * table.required + ("table_kept",) * kept:
            for rule in policy.of(check, table.name):
                fills = {"without_it": table.without_it}
                yield _expected(rule, landscape.crm, table.name, "", "exists", fills)


def _of_columns(landscape: Landscape, policy: Policy) -> Iterator[Expected]:
    last = landscape.history.last_columns()
    for landed in landscape.landed.values():
        table = landed.table
        for column in table.columns:
            fills = {"without_it": column.without_it, "kind": READ_AS.get(column.kind, "a text")}
            kept = column.name in last.get(table.name, ()) and not column.required
            for check in ("column_exists",) * column.required + ("column_kept",) * kept:
                for rule in policy.of(check, table.name, column.name):
                    yield _expected(rule, landscape.crm, table.name, column.name, "exists", fills)
            if column.name in landed.types and column.kind in READABLE_FROM:
                for rule in policy.of("column_type", table.name, column.name):
                    yield _expected(
                        *(rule, landscape.crm, table.name, column.name, "type", fills),
                        families=READABLE_FROM[column.kind],
                    )


def _of_measures(landscape: Landscape, policy: Policy) -> Iterator[Expected]:
    for measure in (*_volumes(landscape), *landscape.measures, *_ages(landscape)):
        table = landscape.landed[measure.table].table
        for rule in policy.of(measure.check, measure.table, measure.column):
            limit = rule.limit
            if measure.check == "fresh" and limit is None:
                limit = table.warn_hours if rule.severity == "warn" else table.stop_hours
                if limit is None:
                    continue
            yield _expected(
                *(rule, landscape.crm, measure.table, measure.column, "limit", measure.fills),
                limit=limit or 0.0,
                measure=measure,
            )


def _expected(
    rule: Rule,
    crm: str,
    table: str,
    column: str,
    form: Form,
    fills: Mapping[str, str],
    *,
    families: tuple[str, ...] = (),
    limit: float = 0.0,
    measure: Measure | None = None,
) -> Expected:
    severity: Severity = "stop" if rule.severity == "stop" else "warn"
    check = CHECKS[rule.check]
    return Expected(check, crm, table, column, severity, form, families, limit, measure, fills)


def _volumes(landscape: Landscape) -> Iterator[Measure]:
    """Yield what is asked of the number of rows: some, and about as many as usual."""
    for name, landed in landscape.landed.items():
        if landed.table.required:
            yield Measure("rows_present", name, "", float(not landed.rows), count=landed.rows)
        usual = landscape.history.usual_rows(name)
        if not usual:
            continue
        change = landed.rows / usual - 1
        for check, value in (("rows_kept", max(0.0, -change)), ("rows_grown", max(0.0, change))):
            yield Measure(check, name, "", value, count=landed.rows, considered=round(usual))


def _ages(landscape: Landscape) -> Iterator[Measure]:
    """Yield the hours since each table's latest load; none where nobody knows it."""
    for name, landed in landscape.landed.items():
        if landed.loaded_at is not None:
            age = (landscape.moment - landed.loaded_at).total_seconds() / 3600
            loaded = (f"{landed.loaded_at:%Y-%m-%d %H:%M}",)
            column = landed.table.loaded_at
            yield Measure("fresh", name, column, max(0.0, age), samples=loaded)
