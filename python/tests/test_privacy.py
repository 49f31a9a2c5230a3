"""Above staging no row names a person, and personal columns are marked as such."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from conftest import Warehouse, simulate
from test_structure import layer, parsed  # noqa: F401

pytestmark = pytest.mark.dbt

SALT = "it's a salt"
PUBLIC_LAYERS = ("crm", "intermediate", "marts")
EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"\+\d[\d ()./-]{6,}\d|\(?\d{3}\)?[ ./-]+\d{3}[ ./-]\d{4}")
WORD = re.compile(r"[^\W\d_]+")

# People as a CRM has them: names that are no other word, addresses and numbers of several forms.
FIRST_NAME = "['Aveline', 'Bartholomae', 'Csenge', 'Dagny', 'Euphrasia'][1 + {n} % 5]"
LAST_NAME = "'Quist' || translate(printf('%06d', {n}), '0123456789', 'abcdefghij')"
PEOPLE = f"""
    alter table salesforce.{{table}} add column phone varchar;
    alter table salesforce.{{table}} add column mobile_phone varchar;
    update salesforce.{{table}} set
        first_name = {FIRST_NAME.format(n="rowid")},
        last_name = {LAST_NAME.format(n="rowid")},
        phone = printf('+49 30 %07d', rowid),
        mobile_phone = printf('(555) 010-%04d', rowid % 10000);
    update salesforce.{{table}} set name = first_name || ' ' || last_name,
        email = first_name || '.' || last_name || '@example.org';
"""
# What people type into fields that are published: an address here, a number there.
TYPED = """
    update salesforce.opportunity set name = name || ' (Ada.Byron+crm@mail.example.co.uk)' where rowid % 3 = 0;
    update salesforce.opportunity set name = name || ', call +44 20 7946 0958' where rowid % 3 = 1;
    update salesforce.opportunity set self_reported_source_c = 'ada@example.org told me' where rowid % 5 = 0;
    update salesforce.account set name = name || ' 555-010-9999' where rowid % 4 = 0;
    update salesforce.lead set company = email where rowid % 7 = 0;
    update salesforce.lead set self_reported_source_c = 'ask (555) 010-9998' where rowid % 7 = 1;
    update salesforce.lead set rejection_reason_c = 'write to ' || email where rowid % 7 = 2;
    alter table salesforce.account add column is_person_account boolean;
    update salesforce.account set is_person_account = rowid % 11 = 0;
    update salesforce.account set name = 'Csenge Quist' where is_person_account;
    update salesforce."user" set username = email, alias = last_name;
    update salesforce.task set subject = 'Call with Aveline Quist';
"""


@dataclass(frozen=True)
class People:
    """What the raw tables know of people; letters in lower case, numbers as digits."""

    words: frozenset[str]
    addresses: frozenset[str]
    numbers: frozenset[str]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Build a small company whose CRM holds people, their addresses and their numbers."""
    warehouse = Warehouse(
        tmp_path_factory.mktemp("people"), environment={"UNIFIED_PIPELINE_HASH_SALT": SALT}
    )
    simulate(warehouse, opportunities=800, seed=8)
    with warehouse.connect() as connection:
        for table in ("lead", '"user"'):
            connection.execute(PEOPLE.format(table=table))
        connection.execute(TYPED)
    warehouse.dbt("build", "--exclude-resource-type", "unit_test", "test")
    return warehouse


@pytest.fixture(scope="module")
def people(company: Warehouse) -> People:
    rows = company.query(
        "select first_name, last_name, email, phone, mobile_phone from salesforce.lead union all "
        'select first_name, last_name, email, phone, mobile_phone from salesforce."user"'
    )
    assert len(rows) > 500
    return People(
        words=frozenset(name.lower() for row in rows for name in row[:2] if name),
        addresses=frozenset(row[2].lower() for row in rows if row[2]),
        numbers=frozenset(digits(number) for row in rows for number in row[3:] if number),
    )


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def personal(value: str, people: People) -> str | None:
    """Say what a value tells of a person; None where it tells nothing."""
    if EMAIL.search(value) or value.lower() in people.addresses:
        return "an address"
    if PHONE.search(value) or digits(value) in people.numbers:
        return "a number"
    if not people.words.isdisjoint(word.lower() for word in WORD.findall(value)):
        return "a name"
    return None


def leaks(connection: duckdb.DuckDBPyConnection, people: People) -> Iterator[tuple[str, str]]:
    """Yield every text column above staging in which a value tells of a person, and what it tells."""
    columns = connection.execute(
        "select table_schema, table_name, column_name from information_schema.columns "
        "where table_schema in ? and (data_type = 'VARCHAR' or data_type like '%[]' or data_type like 'STRUCT%')",
        [list(PUBLIC_LAYERS)],
    ).fetchall()
    assert len(columns) > 200
    for schema, table, column in columns:
        values = connection.execute(
            f'select distinct "{column}"::varchar from {schema}."{table}" where "{column}" is not null'
        ).fetchall()
        told = {tells for (value,) in values if (tells := personal(value, people))}
        for tells in sorted(told):
            yield f"{schema}.{table}.{column}", tells


def test_no_value_above_staging_tells_of_a_person(company: Warehouse, people: People) -> None:
    with company.connect() as connection:
        assert not list(leaks(connection, people))


@pytest.mark.parametrize(
    ("column", "tells"),
    [
        ("email", "an address"),
        ("phone", "a number"),
        ("mobile_phone", "a number"),
        ("last_name", "a name"),
        ("'to ' || name", "a name"),
        ("regexp_replace(phone, '[^0-9]', '', 'g')", "a number"),
    ],
)
def test_the_search_finds_what_a_careless_model_would_publish(
    company: Warehouse, people: People, column: str, tells: str
) -> None:
    with company.connect() as connection:
        connection.execute("begin")
        connection.execute(
            f"create table marts.careless as select {column} as told from salesforce.lead"
        )
        found = list(leaks(connection, people))
        connection.execute("rollback")
    assert found == [("marts.careless.told", tells)]


def test_what_is_typed_keeps_everything_but_addresses_and_numbers(company: Warehouse) -> None:
    names = [name for (name,) in company.query("select name from crm.crm_opportunities")]
    assert all(re.match(r"Account \d{6} - ", name) for name in names)
    endings = {re.sub(r"^.*\d{6}", "", name) for name in names}
    assert endings == {" ([removed])", ", call [removed]", ""}
    assert company.value(
        "select count(*) from crm.crm_opportunities where self_reported_source = '[removed] told me'"
    )


def test_the_name_of_a_person_account_stays_in_the_raw_table(company: Warehouse) -> None:
    assert company.query(
        "select is_person_account, count(published.name) > 0 from crm.crm_accounts as published "
        "join salesforce.account on account_id = id group by 1 order by 1"
    ) == [(False, True), (True, False)]


def test_a_hash_is_made_with_the_salt_of_the_environment(company: Warehouse) -> None:
    """Without a salt anybody could hash a list of addresses and look who is there."""
    pairs = company.query(
        "select email_hash, lower(email) from crm.crm_leads join salesforce.lead on lead_id = id "
        "where email is not null"
    )
    assert len(pairs) > 500
    for hashed, email in pairs:
        assert hashed == hashlib.md5((email + SALT).encode()).hexdigest()


def test_text_can_be_left_out_whole(company: Warehouse) -> None:
    company.dbt(
        *("build", "--select", "crm_opportunities", "crm_accounts", "crm_leads"),
        *("--exclude-resource-type", "unit_test", "test"),
        *("--vars", "keep_free_text: false"),
    )
    assert company.query(
        "select (select count(name) + count(self_reported_source) from crm.crm_opportunities), "
        "(select count(name) from crm.crm_accounts), "
        "(select count(company) + count(self_reported_source) + count(rejection_reason) from crm.crm_leads)"
    ) == [(0, 0, 0)]


PERSONAL_COLUMNS = {
    "hash": {"email_hash"},
    "free_text": {"name", "company", "self_reported_source", "rejection_reason"},
    "pseudonym": {
        *("lead_id", "user_id", "owner_id", "manager_id", "changed_by", "old_value", "new_value"),
    },
}


def columns_of(model: dict[str, Any]) -> set[str]:
    """Return the columns a model publishes, from its last, or only, select list."""
    lists = re.findall(r"^select\n(.*?)(?:^from|^where|\Z)", model["raw_code"], re.M | re.S)
    return set(re.findall(r"(?<!case )\b(\w+),?$", lists[0], re.M)) if lists else set()


def test_personal_columns_are_tagged(parsed: tuple[dict[str, Any], str]) -> None:  # noqa: F811
    """`dbt ls --select tag:personal` and the docs show them; a new one cannot be forgotten."""
    untagged, tagged = [], 0
    for model in parsed[0]["nodes"].values():
        if model["resource_type"] != "model" or layer(model) not in {"staging", "crm"}:
            continue
        for kind, names in PERSONAL_COLUMNS.items():
            for name in columns_of(model) & names:
                config = model["columns"].get(name, {}).get("config", {})
                if config.get("tags") == ["personal"] and config["meta"]["personal"] == kind:
                    tagged += 1
                else:
                    untagged.append(f"{model['name']}.{name}")
    assert not untagged
    assert tagged > 30


def test_no_model_publishes_a_column_for_addresses_numbers_or_names_of_people(
    parsed: tuple[dict[str, Any], str],  # noqa: F811
) -> None:
    """Owners are known by id, team and role; who they are is looked up in the CRM."""
    forbidden = re.compile(
        r"e_?mail|phone|mobile|first_name|last_name|full_name|user_?name|owner_name"
    )
    found = [
        f"{model['name']}.{name}"
        for model in parsed[0]["nodes"].values()
        if model["resource_type"] == "model"
        for name in columns_of(model) | set(model["columns"])
        if forbidden.search(name) and name != "email_hash"
    ]
    assert not found


def test_a_search_that_found_everything_would_be_noticed(people: People) -> None:
    harmless: Callable[[str], bool] = lambda value: personal(value, people) is None  # noqa: E731
    assert all(map(harmless, ["Account 000123 - New 000456", "2026-08-31", "006000000000000123"]))
