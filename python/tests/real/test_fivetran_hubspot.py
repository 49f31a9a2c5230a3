"""Fivetran's own integration-test tables of HubSpot: true names and types, obfuscated values."""

from __future__ import annotations

import pytest

from conftest import SHARED_DATA, Warehouse

FIVETRAN = SHARED_DATA / "fivetran_hubspot_seeds"

pytestmark = [
    pytest.mark.real,
    pytest.mark.dbt,
    pytest.mark.skipif(
        not FIVETRAN.exists(), reason="the Fivetran tables are not beside the checkout"
    ),
]


@pytest.fixture(scope="module")
def fivetran(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("fivetran"), vars={"crm_sources": ["hubspot"]})
    with warehouse.connect() as connection:
        connection.execute("create schema hubspot")
        for path in sorted(FIVETRAN.glob("*_data.csv")):
            table = path.name.removesuffix("_data.csv")
            connection.execute(f"create table hubspot.\"{table}\" as from read_csv('{path}')")
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    return warehouse


def test_deals_are_read_whole(fivetran: Warehouse) -> None:
    assert fivetran.query(
        "select count(*), count(owner_id), count(amount), min(created_at)::varchar, "
        "max(created_at)::varchar from crm.crm_opportunities"
    ) == [(44, 22, 0, "2019-10-07 20:36:05", "2021-01-15 23:14:50")]


def test_what_cannot_be_used_waits_in_quarantine(fivetran: Warehouse) -> None:
    """deal_stage has 14 rows, none of one of the 44 deals; seven meetings took place in 1970."""
    assert fivetran.query(
        "select contract_table, reason, count(*) from marts.quarantine group by all order by all"
    ) == [
        ("opportunity_changes", "unknown_opportunity", 14),
        ("touches", "impossible_occurred_at", 7),
    ]


def test_owners_are_active_where_they_have_a_user(fivetran: Warehouse) -> None:
    assert fivetran.query(
        "select count(*), count(*) filter (is_active), count(team) from crm.crm_users"
    ) == [(100, fivetran.value("select count(active_user_id) from hubspot.owner"), 2)]


def test_every_row_is_accounted_for(fivetran: Warehouse) -> None:
    rows = fivetran.query(
        "select contract_table, rows_in, rows_published + rows_quarantined + rows_superseded + rows_out_of_scope "
        "from marts.reconciliation order by 1"
    )
    assert len(rows) == 8
    assert all(rows_in == rows_out for _, rows_in, rows_out in rows), rows
