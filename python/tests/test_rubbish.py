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

CRMS = ("salesforce", "hubspot")
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
# A Salesforce that has both kinds of rates.
CURRENCIES = """
    create table salesforce.currency_type as
    select *, true as is_active, false as is_corporate, timestamp '2024-01-01' as system_modstamp,
        false as is_deleted, false as _fivetran_deleted, timestamp '2024-08-31' as _fivetran_synced
    from (values
        ('01L1', 'EUR', 0.5, timestamp '2024-01-01'), ('01L2', 'GBP', 0.8, timestamp '2024-01-01'),
        ('01L3', 'XXX', 4.0, timestamp '2024-01-01'), ('01L4', 'XXX', 5.0, timestamp '2024-02-01'),
        ('01L5', 'XXX', 6.0, null), ('01L6', 'XXX', 7.0, timestamp '2024-03-01')
    ) as t (id, iso_code, conversion_rate, last_modified_date)
"""
NUMBERS = st.integers(min_value=0, max_value=10_000)
CELLS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, VALUES), max_size=25)
COLUMNS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=12)
COPIES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6)


@dataclass(frozen=True)
class Company:
    """The raw tables of two CRMs in a lab, as they were landed, and the models that follow.

    ``tables`` are the tables that have rows: name with schema, columns and number of rows.
    """

    lab: Lab
    tables: Sequence[tuple[str, Sequence[str], int]]
    models: Sequence[str]

    def restore(self) -> None:
        for name, _, _ in self.tables:
            self.lab.connection.execute(
                f"create or replace table {name} as select * from clean.{clean_name(name)}"
            )

    def damage(self, table: int, row: int, column: int, value: str | None) -> None:
        name, columns, rows = self.tables[table % len(self.tables)]
        self.lab.connection.execute(
            f'update {name} set "{columns[column % len(columns)]}" = ? where rowid = ?',
            [value, row % rows],
        )

    def damage_column(self, table: int, column: int, first: int) -> None:
        """Write another nasty value into each row, beginning with one of them."""
        name, columns, _ = self.tables[table % len(self.tables)]
        self.lab.connection.execute(
            f'update {name} set "{columns[column % len(columns)]}" = '
            f"cast(? as varchar[])[1 + (rowid + ?) % {len(NASTY)}]",
            [list(NASTY), first],
        )

    def copy(self, table: int, row: int) -> None:
        name, _, rows = self.tables[table % len(self.tables)]
        self.lab.connection.execute(
            f"insert into {name} select * from {name} where rowid = ?", [row % rows]
        )

    def build(self) -> None:
        self.lab.run(*self.models)


def clean_name(name: str) -> str:
    return name.replace(".", "_").replace('"', "")


def ancestors(sql: CompiledSql, names: Sequence[str]) -> list[str]:
    """Return the models and seeds that lead to some, parents first, these included."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        for parent in sql.relations[name].parents:
            if parent not in ordered:
                visit(parent)
        ordered.setdefault(name)

    for name in names:
        visit(name)
    return list(ordered)


def depends_on_raw(sql: CompiledSql, name: str) -> bool:
    return name.startswith("stg_") or any(
        depends_on_raw(sql, parent) for parent in sql.relations[name].parents
    )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Land a small company in both CRMs as text and compile the models for tables of that shape."""
    folder = tmp_path_factory.mktemp("rubbish")
    landed = land_as_text(folder / f"{DATABASE}.duckdb")
    compiled = CompiledModels(folder, select=[f"+{mart}" for mart in MARTS])
    sql = compiled({"crm_sources": list(CRMS)})
    with sql.lab() as lab:
        lab.connection.execute("".join(f"create schema {crm};" for crm in (*CRMS, "clean")))
        for name, columns, rows in landed:
            listed = ", ".join(f'"{column}" varchar' for column in columns)
            lab.connection.execute(f"create table {name} ({listed})")
            if rows:
                places = ", ".join("?" * len(columns))
                lab.connection.executemany(f"insert into {name} values ({places})", rows)
            lab.connection.execute(f"create table clean.{clean_name(name)} as select * from {name}")
        models = ancestors(sql, MARTS)
        # What does not depend on the CRM is built once.
        once = [name for name in models if not depends_on_raw(sql, name)]
        lab.run(*once)
        yield Company(
            lab,
            [(name, columns, len(rows)) for name, columns, rows in landed if rows],
            [name for name in models if name not in once],
        )


def land_as_text(path: Path) -> list[tuple[str, list[str], list[tuple[Any, ...]]]]:
    """Write a company's raw tables to the database that dbt compiles against; return their rows."""
    landed = []
    with duckdb.connect(str(path)) as database:
        build_demo(
            database,
            DemoConfig(
                crm="both",
                opportunities=8,
                as_of=date(2024, 8, 31),
                first_month=date(2023, 9, 1),
            ),
            truth_path=None,
        )
        database.execute(CURRENCIES)
        names = database.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema in ? order by 1, 2",
            [list(CRMS)],
        ).fetchall()
        for crm, table in names:
            name = f'{crm}."{table}"'
            database.execute(
                f"create or replace table {name} as select columns(*)::varchar from {name} limit 60"
            )
            rows = database.execute(f"select * from {name}").fetchall()
            columns = [column for column, *_ in database.description or ()]
            landed.append((name, columns, rows))
    return landed


def assert_every_row_is_accounted_for(company: Company) -> None:
    company.build()
    query = company.lab.query
    assert not query(
        "select * from marts.reconciliation where rows_out_of_scope < 0 or "
        "rows_in <> rows_published + rows_quarantined + rows_superseded + rows_out_of_scope"
    )
    # What is published keeps the contract, and what is not is told by rule.
    assert not query(
        "select * from crm.crm_opportunities where opportunity_id is null or amount < 0 "
        "or (amount is not null and corporate_rate is null) or created_at not between "
        "timestamp '1990-01-01' and timestamp '2100-01-01' or close_date not between "
        "date '1990-01-01' and date '2099-12-31'"
    )
    assert not query(
        "select opportunity_key from crm.crm_opportunities group by all having count(*) > 1"
    )
    assert query("select sum(rows_quarantined)::bigint from marts.reconciliation") == query(
        "select coalesce(sum(row_count), 0)::bigint from marts.data_quality_summary "
        "where handling = 'quarantined'"
    )


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(cells=CELLS, columns=COLUMNS, copies=COPIES)
def test_rubbish_breaks_nothing_and_no_row_is_lost(
    company: Company,
    cells: list[tuple[int, int, int, str | None]],
    columns: list[tuple[int, int, int]],
    copies: list[tuple[int, int]],
) -> None:
    company.restore()
    for table, column, first in columns:
        company.damage_column(table, column, first)
    for table, row, column, value in cells:
        company.damage(table, row, column, value)
    for table, row in copies:
        company.copy(table, row)
    assert_every_row_is_accounted_for(company)


@pytest.mark.parametrize("first", [0, 17, 31])
def test_a_crm_that_is_rubbish_throughout_is_built(company: Company, first: int) -> None:
    company.restore()
    for table, (_, columns, _) in enumerate(company.tables):
        for column in range(len(columns)):
            company.damage_column(table, column, first + column)
    assert_every_row_is_accounted_for(company)
    assert not company.lab.query("select * from crm.crm_opportunities where amount is not null")


def test_rates_that_overlap_do_not_multiply_opportunities(company: Company) -> None:
    """A rate holds until the next one begins, whatever its own end says."""
    company.restore()
    company.lab.connection.execute(
        "update salesforce.dated_conversion_rate set next_start_date = null;"
        "update salesforce.opportunity set currency_iso_code = 'EUR'"
    )
    assert_every_row_is_accounted_for(company)
    assert company.lab.query(
        "select count(*), count(distinct opportunity_id), count(corporate_rate) "
        "from staging.stg_salesforce__opportunities"
    ) == [(8, 8, 8)]


def test_a_rate_without_dates_stands_where_there_is_no_dated_one(company: Company) -> None:
    """The latest of a currency that is not deleted; of EUR the dated rate counts as before."""
    company.restore()
    company.lab.connection.execute(
        "update salesforce.currency_type set is_deleted = 'true' where id = '01L6';"
        "update salesforce.opportunity set currency_iso_code = "
        "case rowid % 4 when 0 then 'EUR' when 1 then 'gbp' when 2 then 'XXX' else 'YYY' end;"
        "update salesforce.dated_conversion_rate set next_start_date = null;"
        "delete from salesforce.dated_conversion_rate where iso_code = 'GBP'"
    )
    assert_every_row_is_accounted_for(company)
    rates = dict(
        company.lab.query(
            "select currency, list(distinct corporate_rate::double) "
            "from staging.stg_salesforce__opportunities group by all"
        )
    )
    (*euro,) = rates.pop("EUR")
    assert euro
    assert 2.0 not in euro
    assert rates == {"GBP": [1.25], "XXX": [0.2], "YYY": [None]}
