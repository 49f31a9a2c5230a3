"""What the raw tables must hold is described once, with the sources; what is absent or stale is said."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import pytest
import yaml

from conftest import ROOT, Warehouse, simulate
from reverse_funnel.load.contract import TABLES

pytestmark = pytest.mark.dbt

AS_OF = "2026-08-31"
SOURCES = sorted((ROOT / "models" / "staging").glob("*/_*__sources.yml"))
# What a staging macro makes of a column is what the description must call it.
KINDS = {"raw_text": {"text"}, "raw_id": {"id"}, "raw_money": {"money"}, "raw_number": {"number"}}
KINDS |= {"raw_timestamp": {"timestamp", "date"}, "raw_date": {"date"}, "raw_boolean": {"boolean"}}
KINDS |= {"raw_deleted": {"boolean"}}
# Changed so seldom that their age says nothing.
AGELESS = {"record_type", "user_role"}

Tables = dict[str, dict[str, Any]]


def described(crm: str) -> Tables:
    (path,) = [path for path in SOURCES if path.parent.name == crm]
    (source,) = yaml.safe_load(path.read_text())["sources"]
    return {table["name"]: table for table in source["tables"]}


def columns_of(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column["config"]["meta"] for column in table.get("columns", [])}


def read_by_staging(crm: str) -> dict[str, dict[str, set[str]]]:
    """Return raw table → column → the macros that read it, from the staging models' code."""
    read: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    models = [*(ROOT / "models" / "staging" / crm).glob("*.sql")]
    macros = [ROOT / "macros" / f"{crm}.sql"] if (ROOT / "macros" / f"{crm}.sql").exists() else []
    parts = [path.read_text() for path in models]
    parts += [part for path in macros for part in path.read_text().split("{% macro ")]
    for code in parts:
        tables = dict(re.findall(r"set (\w+) = raw_columns\('\w+', '(\w+)'\)", code))
        for macro, column, variable in re.findall(r"(raw_\w+)\('(\w+)', (\w+)\)", code):
            if variable in tables:
                read[tables[variable]][column].add(macro)
    return read


# Of these HubSpot's models read the columns by a name put together while dbt compiles.
PUT_TOGETHER = ("engagement_", "deal_property_history", "contact_property_history", "company_")


@pytest.mark.parametrize("crm", ["salesforce", "flat_file", "hubspot"])
def test_every_column_that_staging_reads_is_described(crm: str) -> None:
    tables, undescribed, unread = described(crm), [], []
    read = read_by_staging(crm)
    assert sum(map(len, read.values())) > 50
    for table, columns in read.items():
        metas = columns_of(tables[table])
        for column, macros in columns.items():
            kinds = [KINDS[macro] for macro in macros if macro in KINDS]
            if not kinds and column in metas:  # only looked up
                continue
            if not any(metas.get(column, {}).get("kind") in kind for kind in kinds):
                undescribed.append(f"{table}.{column}")
        if crm != "hubspot" or not table.startswith(PUT_TOGETHER):
            unread += [f"{table}.{column}" for column in metas.keys() - columns.keys()]
    assert not undescribed
    assert not unread


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.parent.name)
def test_every_source_says_what_is_off_without_it_and_when_it_is_stale(path: Any) -> None:
    (source,) = yaml.safe_load(path.read_text())["sources"]
    assert source["config"]["loaded_at_field"]
    assert {"warn_after", "error_after"} <= source["config"]["freshness"].keys()
    for table in source["tables"]:
        config = table["config"]
        assert config["meta"].get("required") or config["meta"]["without_it"], table["name"]
        assert (config.get("freshness", {}) is None) == (table["name"] in AGELESS), table["name"]


def test_the_loader_of_files_says_the_same() -> None:
    tables = described("flat_file")
    assert tables.keys() == {table.name for table in TABLES}
    for table in TABLES:
        meta = tables[table.name]["config"]["meta"]
        assert meta.get("without_it", "") == table.without_it
        metas = columns_of(tables[table.name])
        assert {name for name in metas if metas[name].get("required")} == set(table.required)


def freshness(warehouse: Warehouse, as_of: str = AS_OF) -> tuple[int, dict[str, str], str]:
    """Return the exit code, each table's status and what was printed."""
    done = warehouse.dbt(
        "source", "freshness", "--vars", json.dumps({"as_of_date": as_of}), check=False
    )
    found = json.loads((warehouse.folder / "target" / "sources.json").read_text())["results"]
    return (
        done.returncode,
        {result["unique_id"].split(".")[-1]: result["status"] for result in found},
        done.stdout,
    )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("fresh"))
    warehouse.own_seeds()
    simulate(warehouse, opportunities=2000, seed=3)
    return warehouse


def test_the_demo_is_fresh_on_its_own_day(company: Warehouse) -> None:
    code, statuses, said = freshness(company)
    assert not code, said
    assert set(statuses.values()) == {"pass"}
    assert statuses.keys() == described("salesforce").keys() - AGELESS


def test_a_loader_that_has_stopped_is_stale(company: Warehouse) -> None:
    code, statuses, _ = freshness(company, "2026-09-02")
    assert not code
    assert statuses["opportunity"] == statuses["lead"] == "warn"
    assert statuses["account"] == "pass"
    code, statuses, _ = freshness(company, "2026-09-20")
    assert code
    assert statuses["opportunity"] == "error"
    assert statuses["account"] == "warn"


def test_what_is_absent_is_named_and_is_stale_only_where_it_is_required(company: Warehouse) -> None:
    with company.connect() as connection:
        connection.execute("create schema away")
        for table in ("task", "opportunity"):
            connection.execute(f"create table away.{table} as from salesforce.{table}")
        connection.execute("drop table salesforce.task")
        connection.execute("alter table salesforce.lead_history drop column _fivetran_synced")
        connection.execute("delete from salesforce.account_history")
    code, statuses, said = freshness(company)
    assert not code, said
    assert set(statuses.values()) == {"pass"}
    assert "salesforce.task is absent: nothing to be stale" in said
    assert "salesforce.lead_history has no column _fivetran_synced" in said

    with company.connect() as connection:
        connection.execute("drop table salesforce.opportunity")
    code, statuses, said = freshness(company)
    assert code
    assert statuses["opportunity"] == "error"
    assert "salesforce.opportunity is absent: it is required" in said


def test_gaps_are_listed_with_what_they_switch_off(company: Warehouse) -> None:
    """After the test before: tables and a load time are gone; now also a column of each sort."""
    with company.connect() as connection:
        connection.execute("create table salesforce.opportunity as from away.opportunity")
        connection.execute("alter table salesforce.opportunity drop column lead_source")
        connection.execute('alter table salesforce."user" drop column id')
        # one of the two tables of rates is enough, and neither is there
        connection.execute("drop table salesforce.dated_conversion_rate")
    built = company.dbt("run", "--select", "+source_gaps")
    tested = company.dbt("test", "--select", "everything_that_is_required_is_there")
    assert company.query(
        "select crm, raw_table, raw_column, is_required, without_it from marts.source_gaps order by 2"
    ) == [
        *(
            ("salesforce", rates, None, False, "only amounts in corporate currency count")
            for rates in ("currency_type", "dated_conversion_rate")
        ),
        (
            *("salesforce", "lead_history", "_fivetran_synced", False),
            "the latest change stands in for the load time, and freshness cannot be checked",
        ),
        ("salesforce", "opportunity", "lead_source", False, "pipeline source is unmapped"),
        ("salesforce", "task", None, False, "no response times to leads"),
        ("salesforce", "user", "id", True, "no row of the table can be used"),
    ]
    assert "salesforce.task is absent: no response times to leads" in built.stdout
    assert "WARN 1 everything_that_is_required_is_there" in tested.stdout


def test_a_crm_that_has_everything_has_no_gaps(demo: Warehouse) -> None:
    assert not demo.query("select * from marts.source_gaps")
