"""What a raw value reads as is the same on DuckDB and Postgres, in any time zone, and for the gate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

import duckdb
import psycopg2
import pytest

from conftest import PostgresServer, Rows, Warehouse
from reverse_funnel.validate.database import RawDatabase

pytestmark = pytest.mark.dbt

ZONES = ("UTC", "America/New_York", "Asia/Kolkata")
Query = Callable[[str], Rows]

EIGHT = datetime(2024, 1, 31, 8)
TEN = datetime(2024, 1, 31, 10)
TIMES = {
    "2024-01-31": datetime(2024, 1, 31),
    " 2024-01-31 ": datetime(2024, 1, 31),
    "2024-01-31 10:00": TEN,
    "2024-01-31T10:00:00": TEN,
    "2024-01-31T10:00:00Z": TEN,
    "2024-01-31 10:00:00 UTC": TEN,
    # as Salesforce's API spells it
    "2024-01-31T10:00:00.000+0000": TEN,
    "2024-01-31T10:00:00.000+0200": EIGHT,
    "2024-01-31T10:00:00+02:00": EIGHT,
    "2024-01-31 10:00:00+02": EIGHT,
    "2024-01-31T10:00+02:00": EIGHT,
    "2024-01-31T03:30:00.250-0430": datetime(2024, 1, 31, 8, 0, 0, 250_000),
    "2024-02-29T23:30:00-01:00": datetime(2024, 3, 1, 0, 30),
    "2024-01-31 10:00:00.1234567": datetime(2024, 1, 31, 10, 0, 0, 123_456),
    "2024-01-31T10:00:00.1234567+00": datetime(2024, 1, 31, 10, 0, 0, 123_456),
    "2000-02-29": datetime(2000, 2, 29),
    # no times, or none that can be told
    "": None,
    "2024-01-31Z": None,
    "2024-01-31T10:00:00+2": None,
    "2024-01-31T10:00:00+99:00": None,
    "2024-01-31T10:00:00+02:60": None,
    "2024-01-31T10:00:00 PST": None,
    "2024-01-31T10:00:00Z+02:00": None,
    "2024-01-31T24:00:00": None,
    "2024-04-31": None,
    "2023-02-29T10:00:00+0000": None,
    "1900-02-29": None,
    "0000-01-01": None,
    "10000-01-01": None,
    "infinity": None,
    "today": None,
}
NUMBERS = {
    12345678901.0: "12345678901",
    -7.0: "-7",
    0.0: None,
    0.5: "0.5",
    1e300: "1e+300",
    float("inf"): "Infinity",
    None: None,
}
# Everything that is compared, as columns of one statement.
READ = """
    select
        {{ text_to_timestamp('moment') }} as moment,
        {{ raw_id('number', {'number': api.Column('number', 'double precision')}) }} as double_id,
        {{ raw_id('exact', {'exact': api.Column('exact', 'decimal(20,3)')}) }} as decimal_id,
        {{ raw_boolean('flag', {'flag': api.Column('flag', 'double precision')}) }} as flag,
        {{ raw_timestamp('millis', {'millis': api.Column('millis', 'double precision')}) }} as millis
    from given
"""
GIVEN = (
    "(select {moment} as moment, cast({number} as double precision) as number, "
    "cast({exact} as decimal(20, 3)) as exact, cast({flag} as double precision) as flag, "
    "cast({millis} as double precision) as millis) as given"
)


def literal(value: object) -> str:
    return "null" if value is None else f"'{value}'"


def read_one(query: Query, read: str, **given: object) -> tuple[object, ...]:
    values = dict.fromkeys(("moment", "number", "exact", "flag", "millis")) | given
    values["moment"] = f"cast({literal(values['moment'])} as varchar)"
    table = GIVEN.format(**{k: v if k == "moment" else literal(v) for k, v in values.items()})
    return query(re.sub(r"\bfrom given\b", f"from {table}", read))[0]


def compiled_reading(warehouse: Warehouse) -> str:
    done = warehouse.dbt("--quiet", "compile", "--inline", READ)
    return done.stdout[done.stdout.index("select") :]


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> tuple[Query, str]:
    read = compiled_reading(Warehouse(tmp_path_factory.mktemp("read")))
    connection = duckdb.connect()
    return lambda sql: connection.execute(sql).fetchall(), read


@pytest.fixture(scope="module")
def on_postgres(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Query, str]]:
    there = Warehouse(tmp_path_factory.mktemp("read_there"), environment=postgres.environment)
    read = compiled_reading(there)
    with psycopg2.connect(postgres.address) as connection, connection.cursor() as cursor:

        def query(sql: str) -> Rows:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

        yield query, read


ENGINES = pytest.mark.parametrize(
    "engine", ["on_duckdb", pytest.param("on_postgres", marks=pytest.mark.postgres)]
)


@ENGINES
@pytest.mark.parametrize("zone", ZONES)
def test_a_text_is_a_time_in_utc_whatever_the_zone_of_the_session(
    request: pytest.FixtureRequest, engine: str, zone: str
) -> None:
    query, read = request.getfixturevalue(engine)
    query(f"set timezone to '{zone}'")
    found = {text: read_one(query, read, moment=text)[0] for text in TIMES}
    assert found == TIMES


@ENGINES
def test_an_id_that_was_landed_as_a_number_has_no_decimals(
    request: pytest.FixtureRequest, engine: str
) -> None:
    query, read = request.getfixturevalue(engine)
    infinity = "inf" if engine == "on_duckdb" else "Infinity"
    for number, text in NUMBERS.items():
        shown = infinity if text == "Infinity" else text
        assert read_one(query, read, number=number)[1] == shown, number
    exact = {"12345678901.000": "12345678901", "0.5": "0.500", "-7": "-7", "0": None, None: None}
    assert {value: read_one(query, read, exact=value)[2] for value in exact} == exact
    assert read_one(query, read, exact="99999999999999999.000")[2] == "99999999999999999"


@ENGINES
def test_other_values_may_lie_in_a_double_too(request: pytest.FixtureRequest, engine: str) -> None:
    query, read = request.getfixturevalue(engine)
    flags = {1.0: True, 0.0: False, 2.0: None, None: None}
    assert {flag: read_one(query, read, flag=flag)[3] for flag in flags} == flags
    assert read_one(query, read, millis=1706695200250.0)[4] == datetime(
        2024, 1, 31, 10, 0, 0, 250_000
    )


def gate_on(query: Query, dialect: str) -> RawDatabase:
    return RawDatabase("duckdb" if dialect == "on_duckdb" else "postgres", query)


@ENGINES
def test_the_gate_reads_the_same(request: pytest.FixtureRequest, engine: str) -> None:
    query, _ = request.getfixturevalue(engine)
    query("set timezone to 'America/New_York'")
    gate = gate_on(query, engine)
    time = gate.time("t", "text", "varchar")
    found = {
        text: query(f"select {time} from (select cast({literal(text)} as varchar) as t) as given")
        for text in TIMES
    }
    in_micros = {text: moment for text, moment in TIMES.items() if ".1234567" not in text}
    assert {text: found[text][0][0] for text in in_micros} == in_micros
    text = gate.text("n", "double precision")
    given = "(select cast(12345678901 as double precision) as n) as given"
    assert query(f"select {text} from {given}") == [("12345678901",)]
