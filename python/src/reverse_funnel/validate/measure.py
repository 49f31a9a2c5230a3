"""Counting in the database what the checks ask for: one pass a table, samples only of faults."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from reverse_funnel.validate.checks import READ_AS
from reverse_funnel.validate.database import Family, RawDatabase, family, literal, name
from reverse_funnel.validate.sources import RawColumn, RawTable

# How many values at fault are shown.
SAMPLES = 5
_MONTH = "interval '28 days'"
# A usual four weeks of fewer rows than this says nothing about the last four.
_USUAL_ROWS = 50
_TRUE_FALSE = "('true', 't', '1', 'false', 'f', '0')"


@dataclass(frozen=True, slots=True)
class Measure:
    """What was counted for one check.

    `value` is what the limit is held against: a share of `considered` rows, or hours. `count` rows
    are at fault; `samples` shows some of their values.
    """

    check: str
    table: str
    column: str
    value: float
    count: int | None = None
    considered: int | None = None
    samples: tuple[str, ...] = ()
    fills: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Landed:
    """A raw table as it is: its columns' types, rows and latest load."""

    table: RawTable
    types: Mapping[str, str]
    rows: int = 0
    loaded_at: datetime | None = None

    def family(self, column: str) -> Family:
        """Return the family of a column's type."""
        return family(self.types[column])

    @property
    def described(self) -> tuple[RawColumn, ...]:
        """The described columns that are there."""
        return tuple(column for column in self.table.columns if column.name in self.types)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that a row at fault fulfils, and what to show of it."""

    check: str
    column: str
    condition: str
    shown: str
    considered: str
    fills: Mapping[str, str] = field(default_factory=dict)


class Measurer:
    """Measures the tables of one CRM.

    Parameters
    ----------
    database
        Where they are.
    landed
        All of its tables that are there, by name; rows and load times may still be unknown.
    known
        Mapping → the values it knows.
    absurd_amount
        Var of the project; amounts of so much and more are typing errors.
    possible_days
        First and last day of the calendar: vars of the project; dates beyond cannot be.

    """

    def __init__(
        self,
        database: RawDatabase,
        landed: Mapping[str, Landed],
        known: Mapping[str, Collection[str]],
        absurd_amount: float,
        possible_days: tuple[date, date],
    ) -> None:
        self._database = database
        self._landed = landed
        self._known = known
        self._absurd = absurd_amount
        self._possible = possible_days

    def measures(self, landed: Landed, latest: datetime | None) -> list[Measure]:
        """Return all measures of the rows of a table; `latest` is the CRM's latest load."""
        if not landed.rows:
            return []
        found = self._shares(landed, list(self._faults(landed, latest)))
        found += self._duplicates(landed)
        found += self._orphans(landed)
        found += self._recent(landed, latest)
        return found

    def _source(self, table: RawTable) -> str:
        return f"{name(table.schema)}.{name(table.name)}"

    def _faults(self, landed: Landed, latest: datetime | None) -> Iterator[Condition]:
        for column in landed.described:
            text = self._text(landed, column.name)
            there = f"{text} is not null"
            if column.must_be_filled:
                check = "key_present" if column.key else "filled"
                yield Condition(check, column.name, f"{text} is null", self._key(landed), "true")
            typed = self._typed(landed, column)
            if typed and landed.family(column.name) == "text":
                unread = f"{there} and {typed} is null"
                fills = {"kind": READ_AS[column.kind]}
                yield Condition("readable", column.name, unread, text, there, fills)
            if column.values in self._known:
                listed = ", ".join(literal(value) for value in sorted(self._known[column.values]))
                check = "known_currency" if column.values == "currencies" else "known_value"
                unknown = f"{there} and {text} not in ({listed})" if listed else there
                fills = {"values": column.values}
                yield Condition(check, column.name, unknown, text, there, fills)
            if typed:
                yield from self._out_of_range(column, typed, text, there, latest)

    def _out_of_range(
        self, column: RawColumn, typed: str, text: str, there: str, latest: datetime | None
    ) -> Iterator[Condition]:
        if column.expect == "amount":
            bad = f"({typed} < 0 or {typed} >= {self._absurd!r})"
            yield Condition("amount_possible", column.name, bad, text, there)
        elif column.expect == "close_date":
            first, ends_before = self._possible[0], self._possible[1] + timedelta(days=1)
            bad = f"({typed} < timestamp '{first}' or {typed} >= timestamp '{ends_before}')"
            yield Condition("date_possible", column.name, bad, text, there)
        elif column.expect == "past" and latest:
            bad = f"{typed} > timestamp '{latest:%Y-%m-%d %H:%M:%S}' + interval '1 day'"
            yield Condition("not_ahead", column.name, bad, text, there)

    def _typed(self, landed: Landed, column: RawColumn) -> str:
        """Return SQL for a column as its kind; empty where that is a text, or cannot be."""
        kind = landed.family(column.name)
        if kind == "other":
            return ""
        if column.kind in {"money", "number"} and kind in {"number", "text"}:
            return self._database.number(name(column.name), kind)
        if column.kind in {"date", "timestamp"} and kind in {"time", "text"}:
            return self._database.time(name(column.name), kind, landed.types[column.name])
        if column.kind == "boolean" and kind == "text":
            value = f"lower({self._text(landed, column.name)})"
            return f"case when {value} in {_TRUE_FALSE} then true end"
        return ""

    def _text(self, landed: Landed, column: str, of: str = "") -> str:
        """Return SQL for a landed column as a text; `of` names its table."""
        return self._database.text(of + name(column), landed.types[column])

    def _key(self, landed: Landed) -> str:
        """Return SQL for what names a row in a sample; its creation where it has no key."""
        for column in landed.described:
            if column.key:
                return self._text(landed, column.name)
        return self._text(landed, landed.described[0].name)

    def _shares(self, landed: Landed, faults: list[Condition]) -> list[Measure]:
        if not faults:
            return []
        counts = ", ".join(
            f"count(case when {fault.condition} then 1 end), "
            f"count(case when {fault.considered} then 1 end)"
            for fault in faults
        )
        (row,) = self._database.query(f"select {counts} from {self._source(landed.table)}")
        return [
            self._share(landed, fault, int(row[2 * number]), int(row[2 * number + 1]))
            for number, fault in enumerate(faults)
        ]

    def _share(self, landed: Landed, fault: Condition, count: int, considered: int) -> Measure:
        samples: tuple[str, ...] = ()
        if count and fault.check not in {"key_present"}:
            rows = self._database.query(
                f"select {fault.shown} as shown, count(*) from {self._source(landed.table)} "
                f"where {fault.condition} group by 1 order by 2 desc, 1 limit {SAMPLES}"
            )
            samples = tuple(_sample(value, times) for value, times in rows if value is not None)
        return Measure(
            check=fault.check,
            table=landed.table.name,
            column=fault.column,
            value=count / considered if considered else 0.0,
            count=count,
            considered=considered,
            samples=samples,
            fills=fault.fills,
        )

    def _duplicates(self, landed: Landed) -> list[Measure]:
        key = landed.table.key
        if key is None or key.name not in landed.types:
            return []
        text, source = self._text(landed, key.name), self._source(landed.table)
        ((named, distinct),) = self._database.query(
            f"select count({text}), count(distinct {text}) from {source}"
        )
        count = int(named) - int(distinct)
        samples: tuple[str, ...] = ()
        if count:
            rows = self._database.query(
                f"select {text} as shown, count(*) from {source} where {text} is not null "
                f"group by 1 having count(*) > 1 order by 2 desc, 1 limit {SAMPLES}"
            )
            samples = tuple(_sample(value, times) for value, times in rows)
        return [
            Measure(
                check="key_unique",
                table=landed.table.name,
                column=key.name,
                value=count / named if named else 0.0,
                count=count,
                considered=int(named),
                samples=samples,
            )
        ]

    def _orphans(self, landed: Landed) -> list[Measure]:
        found = []
        for column in landed.described:
            if column.references is None:
                continue
            parent, parent_key = column.references
            if parent not in self._landed or parent_key not in self._landed[parent].types:
                continue
            text = f"nullif({self._text(landed, column.name, 'child.')}, '000000000000000AAA')"
            joined = (
                f"from {self._source(landed.table)} as child left join (select distinct "
                f"{self._text(self._landed[parent], parent_key)} as parent_key "
                f"from {self._source(self._landed[parent].table)}) as parent "
                f"on {text} = parent.parent_key where {text} is not null"
            )
            ((considered, met),) = self._database.query(
                f"select count(*), count(parent.parent_key) {joined}"
            )
            count = int(considered) - int(met)
            samples: tuple[str, ...] = ()
            if count:
                rows = self._database.query(
                    f"select {text} as shown, count(*) {joined} and parent.parent_key is null "
                    f"group by 1 order by 2 desc, 1 limit {SAMPLES}"
                )
                samples = tuple(_sample(value, times) for value, times in rows)
            found.append(
                Measure(
                    check="refers",
                    table=landed.table.name,
                    column=column.name,
                    value=count / considered if considered else 0.0,
                    count=count,
                    considered=int(considered),
                    samples=samples,
                )
            )
        return found

    def _recent(self, landed: Landed, latest: datetime | None) -> list[Measure]:
        """Compare the rows made in the last four weeks with those of the twelve weeks before."""
        column = next((c for c in landed.described if c.expect == "past"), None)
        made = self._typed(landed, column) if column else ""
        if column is None or latest is None or not made:
            return []
        end = f"timestamp '{latest:%Y-%m-%d %H:%M:%S}'"
        ((recent, before),) = self._database.query(
            f"select count(case when {made} > {end} - {_MONTH} then 1 end), "
            f"count(case when {made} > {end} - 4 * {_MONTH} and {made} <= {end} - {_MONTH} "
            f"then 1 end) from {self._source(landed.table)}"
        )
        usual = int(before) / 3
        if usual < _USUAL_ROWS:
            return []
        return [
            Measure(
                check="recent_rows",
                table=landed.table.name,
                column=column.name,
                value=max(0.0, 1 - int(recent) / usual),
                count=int(recent),
                considered=round(usual),
            )
        ]


def land(database: RawDatabase, table: RawTable, types: Mapping[str, str]) -> Landed:
    """Count a table's rows and find its latest load."""
    landed = Landed(table, types)
    load = ""
    if table.loaded_at.lower() in types:
        column = table.loaded_at.lower()
        if landed.family(column) in {"time", "text"}:
            load = database.time(name(column), landed.family(column), types[column])
    ((rows, loaded_at),) = database.query(
        f"select count(*), {f'max({load})' if load else 'null'} "
        f"from {name(table.schema)}.{name(table.name)}"
    )
    return Landed(table, types, int(rows), loaded_at)


def known_values(
    database: RawDatabase,
    landed: Mapping[str, Landed],
    seeds: Mapping[str, Collection[str]],
    corporate_currency: str,
) -> dict[str, Collection[str]]:
    """Return mapping → values it knows: those of the seeds, and of raw tables that provide some."""
    known: dict[str, Collection[str]] = {**seeds, "currencies": {corporate_currency}}
    for table in landed.values():
        for column in table.described:
            if column.provides:
                kind = table.types[column.name]
                rows = database.query(
                    f"select distinct {database.text(name(column.name), kind)} "
                    f"from {name(table.table.schema)}.{name(table.table.name)}"
                )
                values = {value for (value,) in rows if value is not None}
                known[column.provides] = {*known.get(column.provides, ()), *values}
    return known


def _sample(value: Any, times: int) -> str:
    return str(value) if times == 1 else f"{value} (x{times:,})"
