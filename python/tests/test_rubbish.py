"""Whatever the raw tables hold, everything is built, and every row is accounted for.

A small company's raw tables, every column landed as text, are damaged at random: any text or
nothing in any cell, rows twice. The compiled models run on them in memory, without dbt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from compiled import DATABASE, CompiledModels, CompiledSql, Lab
from reverse_funnel.demo import DemoConfig, build_demo

pytestmark = pytest.mark.dbt

MARTS = ("reconciliation", "data_quality_summary")
EXAMPLES = 15
# What stands in real columns of text: numbers that are none or too large, dates that are none or
# too far, empty values in many words, damaged encodings, and keys that also stand elsewhere.
NASTY = (
    "",
    " ",
    "0",
    "-1",
    "-0.0",
    "1e15",
    "9" * 25,
    "1e300",
    "-1e300",
    "inf",
    "-Infinity",
    "NaN",
    "null",
    "N/A",
    "12,5",
    "1_000",
    "twelve",
    "true",
    "yes",
    "2024-02-30",
    "2024-02-29",
    "0001-01-01",
    "1899-12-31 23:59:59",
    "9999-12-31",
    "2099-06-01T00:00:00Z",
    "10000-01-01",
    "infinity",
    "-infinity",
    "290000-01-01",
    "4000-01-01 (BC)",
    "24:00:00",
    "1700000000000",
    "99999999999999999",
    "-99999999999999999",
    "000000000000000AAA",
    "006000000000000001",
    "9000000001",
    "Closed Won",
    "\u00a0closed\u200b won\t",
    "SociÃ©tÃ©",
    "\ufffd",
    "a\x00b",
    "'; drop table x; --",
    "{}",
    ";;;",
    "%_\\",
    "🙂" * 50,
)
VALUES = st.one_of(
    st.none(),
    st.sampled_from(NASTY),
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(str),
)
NUMBERS = st.integers(min_value=0, max_value=10_000)
DAMAGE = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, VALUES), max_size=25)
COPIES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6)


@dataclass(frozen=True)
class Company:
    """The raw tables of one CRM in a lab, as they were landed, and the models that follow."""

    lab: Lab
    crm: str
    tables: Sequence[tuple[str, Sequence[str], int]]
    models: Sequence[str]

    @property
    def damaged(self) -> list[tuple[str, Sequence[str], int]]:
        """The tables that have rows."""
        return [table for table in self.tables if table[2]]

    def restore(self) -> None:
        for table, _, _ in self.tables:
            self.lab.connection.execute(
                f'create or replace table {self.crm}."{table}" as select * from clean."{table}"'
            )

    def damage(self, table: int, row: int, column: int, value: str | None) -> None:
        name, columns, rows = self.damaged[table % len(self.damaged)]
        self.lab.connection.execute(
            f'update {self.crm}."{name}" set "{columns[column % len(columns)]}" = ? where rowid = ?',
            [value, row % rows],
        )

    def copy(self, table: int, row: int) -> None:
        name, _, rows = self.damaged[table % len(self.damaged)]
        self.lab.connection.execute(
            f'insert into {self.crm}."{name}" select * from {self.crm}."{name}" where rowid = ?',
            [row % rows],
        )

    def build(self) -> None:
        self.lab.run(*self.models)


def ancestors(sql: CompiledSql, names: Sequence[str]) -> list[str]:
    """Return the models and seeds that lead to some, parents first, these included."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        for parent in sql.relations[name].parents:
            visit(parent)
        ordered.setdefault(name)

    for name in names:
        visit(name)
    return list(ordered)


@pytest.fixture(scope="module", params=["salesforce", "hubspot"])
def company(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    """Land a small company as text and compile the models for tables of that shape."""
    crm = str(request.param)
    folder = tmp_path_factory.mktemp(f"rubbish_{crm}")
    raw = land_as_text(folder, crm)
    sql = CompiledModels(folder)({"crm_sources": [crm], "calendar_days": 14610})
    with sql.lab() as lab:
        lab.connection.execute(f"create schema {crm}; create schema clean")
        for table, columns, rows in raw:
            listed = ", ".join(f'"{name}" varchar' for name in columns)
            lab.connection.execute(f'create table clean."{table}" ({listed})')
            if rows:
                places = ", ".join("?" * len(columns))
                lab.connection.executemany(f'insert into clean."{table}" values ({places})', rows)
        found = Company(
            lab,
            crm,
            [(table, columns, len(rows)) for table, columns, rows in raw],
            ancestors(sql, MARTS),
        )
        # What does not depend on the CRM is built once.
        once = [name for name in found.models if not depends_on_raw(sql, name)]
        lab.run(*once)
        yield Company(
            lab, crm, found.tables, [name for name in found.models if name not in once]
        )


def depends_on_raw(sql: CompiledSql, name: str) -> bool:
    return name.startswith("stg_") or any(
        depends_on_raw(sql, parent) for parent in sql.relations[name].parents
    )


def land_as_text(folder: Path, crm: str) -> list[tuple[str, list[str], list[tuple[Any, ...]]]]:
    """Write a company's raw tables to the database that dbt compiles against; return their rows."""
    database = duckdb.connect(str(folder / f"{DATABASE}.duckdb"))
    build_demo(
        database,
        DemoConfig(
            crm="hubspot" if crm == "hubspot" else "salesforce",
            opportunities=8,
            as_of=date(2024, 8, 31),
            first_month=date(2023, 9, 1),
        ),
        truth_path=None,
    )
    landed = []
    names = database.execute(
        "select table_name from information_schema.tables where table_schema = ? order by 1", [crm]
    ).fetchall()
    for (table,) in names:
        database.execute(
            f'create or replace table {crm}."{table}" as '
            f'select columns(*)::varchar from {crm}."{table}" limit 60'
        )
        rows = database.execute(f'select * from {crm}."{table}"').fetchall()
        columns = [name for name, *_ in database.description]
        landed.append((table, columns, rows))
    database.close()
    return landed


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(damage=DAMAGE, copies=COPIES)
def test_rubbish_breaks_nothing_and_no_row_is_lost(
    company: Company,
    damage: list[tuple[int, int, int, str | None]],
    copies: list[tuple[int, int]],
) -> None:
    company.restore()
    for table, row, column, value in damage:
        company.damage(table, row, column, value)
    for table, row in copies:
        company.copy(table, row)
    company.build()
    assert not company.lab.query(
        "select * from marts.reconciliation where rows_out_of_scope < 0 or "
        "rows_in <> rows_published + rows_quarantined + rows_superseded + rows_out_of_scope"
    )
