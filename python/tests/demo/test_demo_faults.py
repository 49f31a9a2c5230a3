"""Planted faults: where they were said to be, as many as said, and nothing else."""

from __future__ import annotations

import pytest

from reverse_funnel.demo.faults import FAULTS, faulted_tables

from .builders import TABLES, Demo

# Each condition finds the fault without knowing where it was planted.
FOUND = {
    "missing_id": "select count(*) from opportunity where id is null",
    "duplicate_id": "select count(*) - count(distinct id) from opportunity where id is not null",
    "unknown_stage": "select count(*) from opportunity where stage_name = 'Verbal Commit'",
    "negative_amount": "select count(*) from opportunity where amount < 0",
    "absurd_amount": "select count(*) from opportunity where amount > 1e12",
    "close_date_1900": "select count(*) from opportunity where year(close_date) = 1900",
    "close_date_2999": "select count(*) from opportunity where year(close_date) = 2999",
    "close_before_creation": "select count(*) from opportunity "
    "where close_date < created_date::date and year(close_date) > 1900",
    "dangling_account": "select count(*) from opportunity where account_id not in "
    "(select id from account where id is not null) and account_id <> '000000000000000AAA' "
    "and account_id like '0017%'",
    "dangling_owner": """select count(*) from opportunity
        where owner_id not in (select id from "user")""",
    "sentinel_id": "select count(*) from opportunity where account_id = '000000000000000AAA'",
    "currency_without_rate": "select count(*) from opportunity where currency_iso_code not in "
    "(select iso_code from dated_conversion_rate)",
    "mojibake_name": "select count(*) from opportunity where contains(name, 'Ã')",
    "history_disagrees": """
        with latest as (select * from opportunity_history qualify row_number() over (
            partition by opportunity_id order by created_date desc, id desc) = 1)
        select count(*) from opportunity o join latest h on h.opportunity_id = o.id
        where o.amount is distinct from h.amount and o.amount > 0 and o.amount < 1e12
            and o.id not in (select id from opportunity where id is not null group by 1
                having count(*) > 1)""",
    "history_without_opportunity": "select count(*) from opportunity_history "
    "where opportunity_id like '0067%'",
    "exact_duplicate_history": "select count(*) - count(distinct id) from opportunity_history",
    "history_unknown_stage": "select count(*) from opportunity_history "
    "where stage_name = 'Verbal Commit' and opportunity_id not like '0067%'",
    "account_missing_id": "select count(*) from account where id is null",
    "account_duplicate_id": "select count(*) - count(distinct id) from account "
    "where id is not null",
    "account_mojibake_name": "select count(*) from account where contains(name, 'Ã')",
    "lead_missing_id": "select count(*) from lead where id is null",
    "lead_duplicate_id": "select count(*) - count(distinct id) from lead where id is not null",
    "lead_dangling_opportunity": "select count(*) from lead "
    "where converted_opportunity_id like '0067%'",
    "lead_dangling_owner": "select count(*) from lead where owner_id like '0057%' "
    """or owner_id not in (select id from "user")""",
}


def test_every_kind_of_fault_is_looked_for() -> None:
    assert set(FOUND) == {fault.name for fault in FAULTS}


@pytest.mark.parametrize("name", FOUND)
def test_a_planted_fault_is_there_in_the_stated_number(dirty: Demo, name: str) -> None:
    stated = dirty.truth["planted_faults"][name]
    assert stated["rows"] == dirty.summary.planted_faults[name] > 0
    assert len(stated["ids"]) == min(20, stated["rows"])
    assert dirty.one(FOUND[name]) == stated["rows"]


@pytest.mark.parametrize("name", FOUND)
def test_a_clean_demo_has_none(demo: Demo, name: str) -> None:
    assert demo.truth["planted_faults"] == {}
    assert demo.one(FOUND[name]) == 0


def test_the_share_asked_for_is_planted(demo: Demo, dirty: Demo) -> None:
    for table, faults in faulted_tables().items():
        planted = sum(dirty.summary.planted_faults[fault.name] for fault in faults)
        asked = 0.04 * demo.summary.rows[table]
        assert abs(planted - asked) <= len(faults), table


def test_rows_without_a_fault_are_untouched(demo: Demo, dirty: Demo) -> None:
    faulted = faulted_tables()
    for name in TABLES:
        clean = set(demo.rows(f'select t::varchar from "{name}" t'))
        with_faults = set(dirty.rows(f'select t::varchar from "{name}" t'))
        planted = sum(dirty.summary.planted_faults[fault.name] for fault in faulted.get(name, []))
        assert len(clean - with_faults) <= planted, name
        assert bool(clean - with_faults) == (name in faulted), name


def test_the_ids_listed_are_those_of_the_faulty_rows(dirty: Demo) -> None:
    for name, column in (
        ("unknown_stage", "stage_name = 'Verbal Commit'"),
        ("negative_amount", "amount < 0"),
    ):
        listed = dirty.truth["planted_faults"][name]["ids"]
        marked = {i for (i,) in dirty.rows(f"select id from opportunity where {column}")}
        assert set(listed) <= marked
