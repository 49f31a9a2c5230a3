"""The landed tables: shape, integrity, censoring, and the ordinary life of a CRM."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reverse_funnel.demo import config as values

from .builders import TABLES, Demo

IDS = {
    "opportunity": ("account", "account_id"),
    "opportunity ": ("user", "owner_id"),
    "opportunity  ": ("record_type", "record_type_id"),
    "opportunity   ": ("user", "created_by_id"),
    "opportunity_history": ("opportunity", "opportunity_id"),
    "opportunity_history ": ("user", "created_by_id"),
    "opportunity_field_history": ("opportunity", "opportunity_id"),
    "account": ("account", "master_record_id"),
    "account ": ("user", "owner_id"),
    "account_history": ("account", "account_id"),
    "lead": ("user", "owner_id"),
    "lead ": ("account", "converted_account_id"),
    "lead  ": ("opportunity", "converted_opportunity_id"),
    "lead_history": ("lead", "lead_id"),
    "task": ("lead", "who_id"),
    "task ": ("opportunity", "what_id"),
    "task  ": ("user", "owner_id"),
    "event": ("lead", "who_id"),
    "event ": ("opportunity", "what_id"),
    "event  ": ("user", "created_by_id"),
    "user": ("user", "manager_id"),
    "user ": ("user_role", "user_role_id"),
    "user_role": ("user_role", "parent_role_id"),
}
RECORDED = {
    "opportunity": ("created_date", "last_modified_date", "system_modstamp"),
    "opportunity_history": ("created_date", "system_modstamp"),
    "opportunity_field_history": ("created_date",),
    "account": ("created_date", "last_modified_date"),
    "account_history": ("created_date",),
    "lead": ("created_date", "last_modified_date", "converted_date"),
    "lead_history": ("created_date",),
    "task": ("created_date", "completed_date_time"),
    "event": ("created_date", "last_modified_date"),
    "user": ("created_date", "last_modified_date"),
}


def test_every_table_is_there_with_the_rows_reported(demo: Demo) -> None:
    assert set(demo.summary.rows) == set(TABLES)
    for name, rows in demo.summary.rows.items():
        assert demo.one(f'select count(*) from "{name}"') == rows, name
    left = demo.rows("select table_name from duckdb_tables() where schema_name = 'salesforce'")
    assert {name for (name,) in left} == set(TABLES)


def test_the_same_seed_gives_the_same_tables_and_another_seed_others(
    demo: Demo, build: Callable[..., Demo]
) -> None:
    first = demo.fingerprints()
    assert build(opportunities=3000, seed=7).fingerprints() == first
    other = build(opportunities=3000, seed=8).fingerprints()
    fixed = {"user_role", "record_type"}
    assert {name for name in TABLES if other[name] == first[name]} <= fixed


def test_ids_are_unique_and_of_eighteen_characters(demo: Demo) -> None:
    for name in TABLES:
        counts = demo.one(
            f'select count(*), count(distinct id), min(length(id)), max(length(id)) from "{name}"'
        )
        assert counts[0] == counts[1], name
        assert counts[2:] == (18, 18), name


@pytest.mark.parametrize(("table", "reference"), IDS.items())
def test_every_reference_has_its_row(demo: Demo, table: str, reference: tuple[str, str]) -> None:
    target, column = reference
    name = table.strip()
    used, missing = demo.one(
        f'select count({column}), count(*) filter ({column} not in (select id from "{target}")) '
        f'from "{name}"'
    )
    assert missing == 0
    assert used > 0


def test_nothing_is_recorded_after_the_as_of_date(demo: Demo) -> None:
    for name, columns in RECORDED.items():
        for column in columns:
            latest = demo.one(f'select max({column})::date from "{name}"')
            assert latest <= demo.config.as_of, (name, column)
    assert demo.one("select max(created_date)::date >= date '2026-08-28' from opportunity_history")


def test_rows_are_loaded_within_six_hours_and_last_on_the_as_of_date(demo: Demo) -> None:
    for name, columns in RECORDED.items():
        # The users are loaded anew each day, and so was the deal that was changed last.
        if name in {"user", "opportunity"}:
            continue
        at = columns[1] if name in {"account", "event", "lead"} else columns[0]
        low, high, latest = demo.one(
            f"select min(epoch(_fivetran_synced - {at})), max(epoch(_fivetran_synced - {at})), "
            f"max(_fivetran_synced)::date from {name}"
        )
        assert low >= 0, name
        assert high <= 6 * 3600, name
        assert latest <= demo.config.as_of, name
    assert demo.one("select max(_fivetran_synced)::date from opportunity") == demo.config.as_of


def test_an_as_of_date_without_work_is_still_the_latest_load(build: Callable[..., Demo]) -> None:
    sunday = build(opportunities=60, as_of=values.date(2026, 8, 30))
    assert sunday.one("select max(_fivetran_synced)::date from opportunity") == sunday.config.as_of


def test_columns_have_the_types_of_the_contract(demo: Demo) -> None:
    kinds = dict(
        demo.rows(
            "select table_name || '.' || column_name, data_type from duckdb_columns() "
            "where schema_name = 'salesforce'"
        )
    )
    assert kinds["opportunity.amount"] == "DECIMAL(18,2)"
    assert kinds["opportunity.close_date"] == "DATE"
    assert kinds["opportunity.is_deleted"] == "BOOLEAN"
    assert kinds["account.number_of_employees"] == "INTEGER"
    assert kinds["lead.converted_date"] == "DATE"
    stamps = [name for name in kinds if name.endswith(("_date_time", ".created_date", "_synced"))]
    assert {kinds[name] for name in stamps} == {"TIMESTAMP"}
