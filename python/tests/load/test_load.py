from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reverse_funnel.errors import InputError, ReverseFunnelError
from reverse_funnel.load import LoadResult, load_flat_files
from reverse_funnel.load.contract import TABLES
from reverse_funnel.load.report import load_notes
from reverse_funnel.warehouse import ConnectionInfo

HEADER = "opportunity_id,created_at,stage_name,amount,close_date"
FIRST = "O1,2026-01-05T10:00:00+02:00,Qualified,1250.5,2026-03-31"
AS_OF = date(2026, 8, 31)


@pytest.fixture
def database(tmp_path: Path) -> ConnectionInfo:
    return ConnectionInfo(
        target="dev",
        type="duckdb",
        settings={"path": "warehouse/raw.duckdb"},
        project_dir=tmp_path,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    write(folder, "opportunities.csv", HEADER, FIRST)
    return folder


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(folder: Path, database: ConnectionInfo, **options: Any) -> LoadResult:
    return load_flat_files(folder, database, **{"as_of": AS_OF, **options})


def rows(database: ConnectionInfo, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database.database_path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def types(database: ConnectionInfo, table: str) -> dict[str, str]:
    return dict(
        rows(
            database,
            "select column_name, data_type from information_schema.columns "
            f"where table_schema = 'flat_file' and table_name = '{table}'",
        )
    )


def test_values_land_in_their_types_and_times_in_utc(
    folder: Path, database: ConnectionInfo
) -> None:
    result = load(folder, database)
    assert rows(database, "from flat_file.opportunities") == [
        (
            "O1",
            datetime(2026, 1, 5, 8, 0),
            "Qualified",
            Decimal("1250.50"),
            date(2026, 3, 31),
            datetime(2026, 8, 31, 23, 59, 59),
        )
    ]
    assert types(database, "opportunities") == {
        "opportunity_id": "VARCHAR",
        "created_at": "TIMESTAMP",
        "stage_name": "VARCHAR",
        "amount": "DECIMAL(18,2)",
        "close_date": "DATE",
        "_loaded_at": "TIMESTAMP",
    }
    assert not result.unread


def test_every_table_of_the_contract_can_be_loaded(folder: Path, database: ConnectionInfo) -> None:
    examples = {
        "text": "a",
        "timestamp": "2026-01-05 10:00:00",
        "date": "2026-01-05",
        "money": "-1.25",
        "number": "72.5",
        "integer": "250.0",
        "boolean": "Yes",
    }
    for table in TABLES:
        line = ",".join(examples[kind] for kind in table.columns.values())
        write(folder, f"{table.name}.csv", ",".join(table.columns), line)
    result = load(folder, database)
    assert not result.unread
    assert not result.absent
    assert types(database, "users")["is_active"] == "BOOLEAN"
    assert rows(database, "select employees from flat_file.accounts") == [(250,)]
    assert rows(database, "select score from flat_file.leads") == [(72.5,)]
    assert rows(database, "select is_active from flat_file.users") == [(True,)]


def test_a_value_that_does_not_read_keeps_its_column_as_text(
    folder: Path, database: ConnectionInfo
) -> None:
    write(
        folder,
        "opportunities.csv",
        HEADER,
        FIRST,
        'O2,2026-01-06 00:00:00,Qualified,"1,200",31/03/2026',
        "O3,,Qualified, ,",
        "O4,2026-01-07,Qualified,n/a,2026-02-30",
    )
    result = load(folder, database)
    assert rows(database, "select created_at, amount, close_date from flat_file.opportunities") == [
        (datetime(2026, 1, 5, 8, 0), "1250.50", "2026-03-31"),
        (datetime(2026, 1, 6), "1,200", "31/03/2026"),
        (None, " ", None),
        (datetime(2026, 1, 7), "n/a", "2026-02-30"),
    ]
    assert [
        (column.row, column.column, column.value, column.count) for column in result.unread
    ] == [(3, "amount", "1,200", 2), (3, "close_date", "31/03/2026", 2)]


def test_strict_refuses_it_and_writes_nothing(folder: Path, database: ConnectionInfo) -> None:
    write(folder, "opportunities.csv", HEADER, FIRST, FIRST.replace("1250.5", "many"))
    with pytest.raises(InputError) as caught:
        load(folder, database, strict=True)
    (fault,) = caught.value.faults
    assert (fault.row, fault.column) == (3, "amount")
    assert "'many' does not read as money" in fault.problem
    assert "12500.00" in fault.remedy
    assert not database.database_path.exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount", "1_000"),
        ("amount", "0x1F"),
        ("amount", "99999999999999999999"),
        ("created_at", "epoch"),
        ("created_at", "infinity"),
        ("created_at", "2026-01-05 25:00:00"),
        ("close_date", "2026-03-31 17:00:00"),
        ("close_date", "20260331"),
    ],
)
def test_what_only_a_database_would_accept_is_not_read(
    folder: Path, database: ConnectionInfo, column: str, value: str
) -> None:
    cells = dict(zip(HEADER.split(","), FIRST.split(","), strict=True))
    write(folder, "opportunities.csv", HEADER, ",".join({**cells, column: value}.values()))
    (unread,) = load(folder, database).unread
    assert (unread.column, unread.value) == (column, value)


def test_further_columns_are_kept_as_text_under_tidy_names(
    folder: Path, database: ConnectionInfo
) -> None:
    write(folder, "opportunities.csv", f"{HEADER},Partner Tier (2026)", f"{FIRST},007")
    result = load(folder, database)
    assert result.loaded[0].extra_columns == ("partner_tier_2026",)
    assert rows(database, "select partner_tier_2026 from flat_file.opportunities") == [("007",)]


def test_columns_are_found_in_any_order_and_case(folder: Path, database: ConnectionInfo) -> None:
    write(
        folder,
        "opportunities.csv",
        "Close Date;AMOUNT;stage_name;Created_At;Opportunity ID",
        '2026-03-31;10;"a;b";2026-01-05;O1',
    )
    load(folder, database)
    assert rows(
        database, "select opportunity_id, stage_name, amount from flat_file.opportunities"
    ) == [("O1", "a;b", Decimal("10.00"))]


def test_parquet_is_read_like_csv(folder: Path, database: ConnectionInfo) -> None:
    (folder / "opportunities.csv").unlink()
    duckdb.sql(
        "copy (select 1 as opportunity_id, timestamptz '2026-01-05 10:00:00+02' as created_at, "
        "'Won' as stage_name, 12.5::double as amount, timestamp '2026-03-31' as close_date) "
        f"to '{folder / 'opportunities.parquet'}' (format parquet)"
    )
    load(folder, database)
    assert rows(database, "from flat_file.opportunities")[0][:5] == (
        "1",
        datetime(2026, 1, 5, 8, 0),
        "Won",
        Decimal("12.50"),
        date(2026, 3, 31),
    )


def test_rows_keep_the_order_of_the_file(folder: Path, database: ConnectionInfo) -> None:
    write(folder, "opportunities.csv", HEADER, *(FIRST.replace("O1", f"O{n}") for n in range(5000)))
    load(folder, database)
    names = [
        name for (name,) in rows(database, "select opportunity_id from flat_file.opportunities")
    ]
    assert names == [f"O{n}" for n in range(5000)]


def test_a_table_that_is_gone_is_dropped_and_said_so(
    folder: Path, database: ConnectionInfo
) -> None:
    users = write(folder, "users.csv", "user_id", "U1")
    load(folder, database)
    users.unlink()
    result = load(folder, database)
    assert result.dropped == ("users",)
    assert not types(database, "users")
    assert any("Dropped users" in note for note in load_notes(result))


def test_tables_that_are_not_of_the_contract_stay(folder: Path, database: ConnectionInfo) -> None:
    load(folder, database)
    with duckdb.connect(str(database.database_path)) as connection:
        connection.execute("create table flat_file.mine as select 1 as kept")
    load(folder, database)
    assert rows(database, "from flat_file.mine") == [(1,)]


def test_what_is_missing_is_said_with_what_it_switches_off(
    folder: Path, database: ConnectionInfo
) -> None:
    write(folder, "notes.csv", "text", "x")
    notes = load_notes(load(folder, database))
    assert "No leads: no lead funnel and no lead targets." in notes
    assert any("No opportunity_changes: an opportunity has a history of two" in n for n in notes)
    assert any("No accounts: segment and territory are unmapped" in note for note in notes)
    assert "Ignored notes.csv: no table has this name." in notes


def test_without_a_day_the_clock_counts_not_the_data(
    folder: Path, database: ConnectionInfo
) -> None:
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
    result = load(folder, database, as_of=None)
    assert before <= result.loaded_at <= before + timedelta(minutes=1)


def test_a_failure_while_publishing_leaves_the_earlier_load(
    folder: Path, database: ConnectionInfo
) -> None:
    load(folder, database)
    with duckdb.connect(str(database.database_path)) as connection:
        # A view of that name cannot be replaced by a table.
        connection.execute("create view flat_file.users as select 1 as user_id")
    write(folder, "opportunities.csv", HEADER, FIRST.replace("O1", "O2"))
    write(folder, "users.csv", "user_id", "U1")
    with pytest.raises(ReverseFunnelError, match="nothing was written"):
        load(folder, database)
    assert rows(database, "select opportunity_id from flat_file.opportunities") == [("O1",)]


@pytest.mark.parametrize(
    ("name", "content", "row", "column", "problem"),
    [
        ("opportunities.csv", b"", None, None, "is empty"),
        ("opportunities.csv", HEADER.replace(",amount", "").encode(), 1, "amount", "is missing"),
        ("opportunities.csv", f"{HEADER},amount".encode(), 1, "amount", "repeats"),
        ("opportunities.csv", f"{HEADER},".encode(), 1, "number 6", "has no name"),
        ("opportunities.csv", f"{HEADER}\n{FIRST}\n{FIRST},x\n".encode(), 3, None, "Columns"),
        ("opportunities.csv", f'{HEADER}\n{FIRST}\n"O2\n'.encode(), 3, None, "quote"),
        ("opportunities.csv", f"{HEADER}\n{FIRST}é\n".encode("latin-1"), 2, None, "utf-8"),
        ("leads.csv", b"lead_id,created_at\n", 1, "status", "is missing"),
        ("leads.parquet", b"no parquet", None, None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_nothing_written(
    folder: Path,
    database: ConnectionInfo,
    name: str,
    content: bytes,
    row: int | None,
    column: str | None,
    problem: str,
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(folder, database)
    (fault,) = caught.value.faults
    assert str(fault.file).endswith(name)
    assert (fault.row, fault.column) == (row, column)
    assert problem in fault.problem
    assert fault.remedy
    assert not database.database_path.exists()


def test_without_opportunities_nothing_can_be_loaded(
    folder: Path, database: ConnectionInfo
) -> None:
    (folder / "opportunities.csv").unlink()
    with pytest.raises(InputError) as caught:
        load(folder, database)
    (fault,) = caught.value.faults
    assert str(fault.file).endswith("opportunities.csv")
    assert "opportunity_id, created_at, stage_name, amount, close_date" in fault.remedy


def test_two_files_of_one_table_are_refused(folder: Path, database: ConnectionInfo) -> None:
    write(folder, "opportunities.parquet", "x")
    with pytest.raises(InputError, match=r"there is opportunities\.csv as well"):
        load(folder, database)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, database: ConnectionInfo) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        load(tmp_path / "nowhere", database)


def test_a_header_alone_is_loaded_and_remarked_on(folder: Path, database: ConnectionInfo) -> None:
    write(folder, "opportunities.csv", HEADER)
    notes = load_notes(load(folder, database))
    assert "Warning: opportunities has no rows." in notes
    assert types(database, "opportunities")["amount"] == "DECIMAL(18,2)"
