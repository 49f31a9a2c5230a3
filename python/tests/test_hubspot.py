"""HubSpot: the same company in it and in Salesforce gives the same marts, and both give twice it.

Compared is every mart, row by row and column by column, with HubSpot's ids written as Salesforce
writes them. Left out are the name of the CRM and the key made from it, the managers of owners,
whom HubSpot does not know, and how many raw rows there were.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import Rows, Warehouse, comparable, simulate
from reverse_funnel.demo import hubspot_tables as hubspot
from reverse_funnel.demo import salesforce_tables as salesforce

pytestmark = pytest.mark.dbt

PREFIXES = {
    hubspot.DEAL: salesforce.OPPORTUNITY,
    hubspot.COMPANY: salesforce.ACCOUNT,
    hubspot.CONTACT: salesforce.LEAD,
    hubspot.OWNER: salesforce.USER,
}
OF_THE_CRM = {
    "opportunity_key": "*",
    "crm": "*",
    "manager_id": "owners",
    "rows_in": "reconciliation",
    "rows_out_of_scope": "reconciliation",
}


def build(warehouse: Warehouse, *selection: str) -> None:
    """Build, with the data tests where both CRMs are: what holds there holds in each."""
    tests = [] if len(warehouse.vars["crm_sources"]) > 1 else ["test"]
    warehouse.dbt("build", "--exclude-resource-type", "unit_test", *tests, *selection)


def copied(source: Warehouse, target: Warehouse, sql: str = "") -> Warehouse:
    """Give a warehouse the raw tables of another, changed by some SQL."""
    target.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source.path, target.path)
    if sql:
        with target.connect() as connection:
            connection.execute(sql)
    return target


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Land one small company twice, as Salesforce and as HubSpot."""
    warehouse = Warehouse(tmp_path_factory.mktemp("raw"))
    simulate(warehouse, opportunities=700, seed=4, crm="both")
    return warehouse


@pytest.fixture(scope="module")
def built(raw: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Warehouse]:
    """Build the company from the one CRM, from the other and from both."""
    sources = {
        "both": ["salesforce", "hubspot"],
        "salesforce": ["salesforce"],
        "hubspot": ["hubspot"],
    }
    warehouses = {
        name: copied(raw, Warehouse(tmp_path_factory.mktemp(name), vars={"crm_sources": crms}))
        for name, crms in sources.items()
    }
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, warehouses.values()))
    return warehouses


def columns_of(warehouse: Warehouse, mart: str) -> list[str]:
    return [
        name
        for (name,) in warehouse.query(
            "select column_name from information_schema.columns where table_schema = 'marts' "
            f"and table_name = '{mart}' order by ordinal_position"
        )
    ]


def marts_of(warehouse: Warehouse) -> list[str]:
    return [
        name
        for (name,) in warehouse.query(
            "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
        )
    ]


def as_salesforce(value: Any) -> Any:
    """Write an id of HubSpot's demo as Salesforce's demo writes it."""
    if not isinstance(value, str) or not value.isdigit():
        return value
    base = max(base for base in PREFIXES if base < int(value))
    return f"{PREFIXES[base]}{int(value) - base:015d}"


def rows_of(warehouse: Warehouse, mart: str, columns: Sequence[str]) -> Rows:
    in_hubspot = warehouse.vars["crm_sources"] == ["hubspot"]
    are_ids = [in_hubspot and (name.endswith("_id") or "_id_" in name) for name in columns]
    return comparable(
        [
            tuple(
                as_salesforce(cell) if is_id else cell
                for cell, is_id in zip(row, are_ids, strict=True)
            )
            for row in warehouse.query(f"select {', '.join(columns)} from marts.{mart}")
        ]
    )


def test_the_same_company_gives_the_same_marts(built: dict[str, Warehouse]) -> None:
    marts = marts_of(built["salesforce"])
    assert len(marts) > 25
    differing, compared = [], 0
    for mart in marts:
        columns = [
            name
            for name in columns_of(built["salesforce"], mart)
            if OF_THE_CRM.get(name) not in {"*", mart}
        ]
        condition = ""
        if mart == "reconciliation":
            # Histories are landed as rows of different kinds.
            condition = " where contract_table not in ('opportunity_changes', 'lead_changes')"
        expected = rows_of(built["salesforce"], f"{mart}{condition}", columns)
        compared += len(expected)
        if rows_of(built["hubspot"], f"{mart}{condition}", columns) != expected:
            differing.append(mart)
    assert not differing
    assert compared > 10_000


def test_both_crms_give_each_opportunity_twice_told_apart_by_crm(
    built: dict[str, Warehouse],
) -> None:
    kept_by_crm = [m for m in marts_of(built["both"]) if "crm" in columns_of(built["both"], m)]
    assert {"opportunities", "accounts", "owners", "pipeline_created"} <= set(kept_by_crm)
    for mart in kept_by_crm:
        for crm in ("salesforce", "hubspot"):
            query = f"select * from marts.{mart} where crm = '{crm}'"
            assert comparable(built["both"].query(query)) == comparable(built[crm].query(query))
    assert built["both"].value("select count(*) from marts.opportunities") == 1400


@pytest.mark.parametrize(
    ("mart", "key", "measures"),
    [
        (
            "pipeline_created_vs_target",
            "fiscal_month, segment, deal_type, territory, pipeline_source, plan_version",
            "created_count, created_amount",
        ),
        (
            "pipeline_coverage",
            "cell_level, segment, deal_type, territory, pipeline_source, as_of_date, close_quarter",
            "open_amount_raw, open_amount_real, won_to_date",
        ),
    ],
)
def test_both_crms_add_up(built: dict[str, Warehouse], mart: str, key: str, measures: str) -> None:
    doubled = ", ".join(f"2 * {name.strip()}" for name in measures.split(","))
    # Cells that one copy of the company has, both have, and no others.
    assert comparable(built["both"].query(f"select {key}, {measures} from marts.{mart}")) == (
        comparable(built["salesforce"].query(f"select {key}, {doubled} from marts.{mart}"))
    )


# ------------------------------------------------------------------ where a history is missing

ENTRY_DATES = """
    create or replace table hubspot.deal as
    select deal.*, dates.* exclude (deal_id)
    from hubspot.deal left join (
        pivot (
            select deal_id, 'property_hs_v2_date_entered_' || value as stage, date_entered
            from hubspot.deal_stage
        ) on stage using max(date_entered) group by deal_id
    ) as dates using (deal_id)
"""
REACHED = (
    "select opportunity_id, meeting_accepted_at, meeting_completed_at, qualified_at, closed_at, "
    "outcome from marts.opportunities where {} order by 1"
)


@pytest.fixture(scope="module")
def without_history(
    raw: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Warehouse]:
    """Build opportunities with ever less history of stages."""
    losses = {
        "deal_stage": "drop table hubspot.deal_property_history",
        "entry_dates": "drop table hubspot.deal_property_history; "
        + ENTRY_DATES
        + "; drop table hubspot.deal_stage",
    }
    warehouses = {
        name: copied(
            raw, Warehouse(tmp_path_factory.mktemp(name), vars={"crm_sources": ["hubspot"]}), sql
        )
        for name, sql in losses.items()
    }
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda w: build(w, "--select", "+opportunities", "+reconciliation"),
                warehouses.values(),
            )
        )
    return warehouses


def test_deal_stage_stands_in_for_the_history_of_the_property(
    built: dict[str, Warehouse], without_history: dict[str, Warehouse]
) -> None:
    expected = built["hubspot"].query(REACHED.format("true"))
    assert without_history["deal_stage"].query(REACHED.format("true")) == expected


def test_entry_dates_stand_in_for_both_where_no_stage_was_entered_twice(
    built: dict[str, Warehouse], without_history: dict[str, Warehouse]
) -> None:
    """A deal's own properties know only the last entry, so a deal that went back is told anew."""
    once = built["hubspot"].query(
        "select deal_id::varchar from hubspot.deal_stage group by deal_id "
        "having count(*) = count(distinct value)"
    )
    assert 500 < len(once) < 700
    ids = ", ".join(f"'{deal}'" for (deal,) in once)
    condition = f"opportunity_id in ({ids})"
    assert without_history["entry_dates"].query(REACHED.format(condition)) == built[
        "hubspot"
    ].query(REACHED.format(condition))


@pytest.mark.parametrize("left", ["deal_stage", "entry_dates"])
def test_what_is_put_together_from_today_says_so(
    without_history: dict[str, Warehouse], left: str
) -> None:
    assert without_history[left].query(
        "select distinct history_quality from crm.crm_opportunity_changes"
    ) == [("reconstructed",)]


def test_every_row_is_accounted_for_without_the_history(
    without_history: dict[str, Warehouse],
) -> None:
    for warehouse in without_history.values():
        rows_in, out_of_scope = warehouse.query(
            "select rows_in, rows_out_of_scope from marts.reconciliation "
            "where contract_table = 'opportunity_changes'"
        )[0]
        assert rows_in > 1000
        assert out_of_scope == 0
