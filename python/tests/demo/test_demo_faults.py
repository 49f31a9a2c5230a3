"""Planted faults: where they were said to be, as many as said, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from reverse_funnel.demo import DemoConfig, DemoSummary, build_demo, hubspot_faults
from reverse_funnel.demo.hubspot import HubspotWriter
from reverse_funnel.demo.salesforce import SalesforceWriter

from .builders import TABLES, Demo

# Each condition finds the fault without knowing where it was planted.
FOUND = {
    "missing_id": "select count(*) from opportunity where id is null",
    "sentinel_own_id": "select count(*) from opportunity where id = '000000000000000AAA'",
    "missing_creation": "select count(*) from opportunity where created_date is null",
    "created_year_1": "select count(*) from opportunity where year(created_date) = 1",
    "created_2099": "select count(*) from opportunity where year(created_date) = 2099",
    "unknown_stage": "select count(*) from opportunity where stage_name = 'Verbal Commit'",
    "missing_stage": "select count(*) from opportunity where stage_name is null",
    "stage_padded": "select count(*) from opportunity where stage_name like chr(160) || '%'",
    "stage_unseen": "select count(*) from opportunity where contains(stage_name, chr(1))",
    "stage_case": "select count(*) from opportunity where stage_name = upper(stage_name) "
    "and stage_name <> 'N/A'",
    "negative_amount": "select count(*) from opportunity where amount < 0",
    "absurd_amount": "select count(*) from opportunity where amount = 1e13",
    "unreadable_amount": "select count(*) from opportunity where amount > 1e15",
    "close_date_0001": "select count(*) from opportunity where year(close_date) = 1",
    "close_date_1900": "select count(*) from opportunity where year(close_date) = 1900",
    "close_date_2999": "select count(*) from opportunity where year(close_date) = 2999",
    "close_date_9999": "select count(*) from opportunity where year(close_date) = 9999",
    "close_date_2099": "select count(*) from opportunity where year(close_date) = 2099",
    "close_before_creation": "select count(*) from opportunity "
    "where close_date < created_date::date and year(close_date) > 1900 and year(created_date) < 2099",
    "dangling_account": "select count(*) from opportunity where account_id like '001Z%'",
    "dangling_owner": """select count(*) from opportunity
        where owner_id not in (select id from "user" where id is not null)
        and owner_id <> '000000000000000AAA'""",
    "sentinel_id": "select count(*) from opportunity where account_id = '000000000000000AAA'",
    "sentinel_word": "select count(*) from opportunity where account_id = 'null'",
    "sentinel_owner": "select count(*) from opportunity where owner_id = '000000000000000AAA'",
    "currency_without_rate": "select count(*) from opportunity where currency_iso_code not in "
    "(select iso_code from dated_conversion_rate)",
    "currency_rate_zero": "select count(*) from opportunity where currency_iso_code in "
    "(select iso_code from dated_conversion_rate where conversion_rate = 0)",
    "currency_rate_negative": "select count(*) from opportunity where currency_iso_code in "
    "(select iso_code from dated_conversion_rate where conversion_rate < 0)",
    "mojibake_name": "select count(*) from opportunity where contains(name, 'Ã')",
    "replacement_name": "select count(*) from opportunity where contains(name, chr(65533))",
    "unseen_name": "select count(*) from opportunity where contains(name, chr(8203))",
    "modified_2099": "select count(*) from opportunity where year(last_modified_date) = 2099",
    "modified_before_history": "select count(*) from opportunity "
    "where last_modified_date < created_date and year(created_date) < 2099",
    "history_missing_id": "select count(*) from opportunity_history where opportunity_id is null",
    "history_without_opportunity": "select count(*) from opportunity_history "
    "where opportunity_id like '006Z%'",
    "exact_duplicate_history": "select count(*) - count(distinct id) from opportunity_history",
    "history_unknown_stage": "select count(*) from opportunity_history "
    "where stage_name = 'Verbal Commit'",
    "history_stage_padded": "select count(*) from opportunity_history "
    "where stage_name like chr(160) || '%'",
    "history_negative_amount": "select count(*) from opportunity_history where amount < 0",
    "history_absurd_amount": "select count(*) from opportunity_history where amount = 1e13",
    "history_close_date_9999": "select count(*) from opportunity_history where year(close_date) = 9999",
    "history_close_date_2099": "select count(*) from opportunity_history where year(close_date) = 2099",
    "history_missing_time": "select count(*) from opportunity_history where created_date is null",
    "history_time_0001": "select count(*) from opportunity_history where year(created_date) = 1",
    "history_time_2099": "select count(*) from opportunity_history where year(created_date) = 2099",
    "account_missing_id": "select count(*) from account where id is null",
    "account_duplicate_id": "select count(*) - count(distinct id) from account where id is not null",
    "account_mojibake_name": "select count(*) from account where contains(name, 'Ã')",
    "account_dangling_owner": "select count(*) from account where owner_id like '005Z%'",
    "account_negative_employees": "select count(*) from account where number_of_employees < 0",
    "lead_missing_id": "select count(*) from lead where id is null",
    "lead_missing_creation": "select count(*) from lead where created_date is null",
    "lead_created_2099": "select count(*) from lead where year(created_date) = 2099",
    "lead_duplicate_id": "select count(*) - count(distinct id) from lead where id is not null",
    "lead_dangling_opportunity": "select count(*) from lead "
    "where converted_opportunity_id like '006Z%'",
    "lead_dangling_account": "select count(*) from lead where converted_account_id like '001Z%'",
    "lead_dangling_owner": "select count(*) from lead where owner_id like '005Z%'",
    "lead_converted_before_creation": "select count(*) from lead "
    "where converted_date < created_date::date and year(created_date) < 2099",
    "attribute_missing_id": "select count(*) from opportunity_field_history "
    "where opportunity_id is null",
    "lead_change_missing_id": "select count(*) from lead_history where lead_id is null",
    "touch_missing_id": "select count(*) from event where id is null",
    "touch_2099": "select count(*) from event where year(start_date_time) = 2099",
    "touch_dangling_lead": "select count(*) from event where who_id like '00QZ%'",
    "user_missing_id": 'select count(*) from "user" where id is null',
}


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[duckdb.DuckDBPyConnection, DemoSummary]]:
    """Provide a small company with every fault in both CRMs."""
    with duckdb.connect() as connection:
        config = DemoConfig(
            crm="both", opportunities=400, seed=3, as_of=date(2026, 8, 31), dirty=0.1
        )
        yield connection, build_demo(connection, config, truth_path=None)


@pytest.mark.parametrize("name", FOUND)
def test_a_planted_fault_is_there_in_the_stated_number(dirty: Demo, name: str) -> None:
    stated = dirty.truth["planted_faults"][name]
    assert stated["rows"] == dirty.summary.planted_faults[name] > 0
    assert dirty.one(FOUND[name]) == stated["rows"]


@pytest.mark.parametrize("name", FOUND)
def test_a_clean_demo_has_none(demo: Demo, name: str) -> None:
    assert demo.truth["planted_faults"] == {}
    assert demo.one(FOUND[name]) == 0


def test_the_share_asked_for_is_planted(demo: Demo, dirty: Demo) -> None:
    for name, kind in SalesforceWriter.kinds.items():
        faults = [fault.name for fault in SalesforceWriter.faults if fault.kind == name]
        planted = sum(dirty.summary.planted_faults[fault] for fault in faults)
        records = demo.one(f'select count(*) from "{kind.table}" where {kind.condition}')
        assert abs(planted - 0.04 * records) <= len(faults), name


def test_rows_without_a_fault_are_untouched(demo: Demo, dirty: Demo) -> None:
    for name in TABLES:
        clean = set(demo.rows(f'select t::varchar from "{name}" t'))
        with_faults = set(dirty.rows(f'select t::varchar from "{name}" t'))
        kinds = {"opportunity_history": "opportunity"} | {
            kind.table: key for key, kind in SalesforceWriter.kinds.items()
        }
        planted = sum(
            dirty.summary.planted_faults[fault.name]
            for fault in SalesforceWriter.faults
            if fault.kind == kinds.get(name)
        )
        assert len(clean - with_faults) <= planted, name
        assert bool(clean - with_faults) == (name in kinds), name


def test_the_ids_listed_are_those_of_the_faulty_rows(dirty: Demo) -> None:
    for name, column in (
        ("unknown_stage", "stage_name = 'Verbal Commit'"),
        ("negative_amount", "amount < 0"),
    ):
        listed = dirty.truth["planted_faults"][name]["ids"]
        marked = {i for (i,) in dirty.rows(f"select id from opportunity where {column}")}
        assert listed
        assert set(listed) <= marked


def test_both_crms_have_the_same_faults() -> None:
    """But for those that one of them has no place for, which the documentation says, too."""
    ours = {fault.name for fault in SalesforceWriter.faults}
    theirs = {fault.name for fault in HubspotWriter.faults}
    assert ours - theirs == set(hubspot_faults.NOT_HERE)
    assert theirs - ours == {"dangling_lead"}
    rules = {fault.name: fault.rule for fault in SalesforceWriter.faults}
    assert not [f.name for f in HubspotWriter.faults if rules.get(f.name, f.rule) != f.rule]


def test_both_crms_are_planted(both: tuple[duckdb.DuckDBPyConnection, DemoSummary]) -> None:
    connection, summary = both
    for query in (
        "select count(*) from salesforce.opportunity where amount < 0",
        "select count(*) from hubspot.deal where property_amount < 0",
    ):
        counted = connection.execute(query).fetchone()
        assert counted == (summary.planted_faults["negative_amount"],)
    for table, rows in summary.rows.items():
        schema = "salesforce" if table in TABLES else "hubspot"
        counted = connection.execute(f'select count(*) from {schema}."{table}"').fetchone()
        assert counted == (rows,), table


def test_no_record_has_two_faults(both: tuple[duckdb.DuckDBPyConnection, DemoSummary]) -> None:
    """Deals that lost their id aside, each has its history and its one fault."""
    connection, _ = both
    faulty = connection.execute(
        "select count(*) filter (amount < 0), count(*) filter (amount < 0 and "
        "(id is null or year(close_date) > 2090 or year(created_date) = 1)) "
        "from salesforce.opportunity"
    ).fetchone()
    assert faulty is not None
    assert faulty[0] > 0 == faulty[1]
