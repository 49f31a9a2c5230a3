"""Fivetran's own integration-test tables: true names and types, obfuscated values."""

from __future__ import annotations

import pytest

from conftest import SHARED_DATA, Warehouse

FIVETRAN = SHARED_DATA / "fivetran_salesforce_seeds"
TABLES = [
    "opportunity",
    "opportunity_history",
    "account",
    "account_history",
    "lead",
    "user",
    "user_role",
    "task",
    "event",
]

pytestmark = [
    pytest.mark.real,
    pytest.mark.dbt,
    pytest.mark.skipif(
        not FIVETRAN.exists(), reason="the Fivetran tables are not beside the checkout"
    ),
]


@pytest.fixture(scope="module")
def fivetran(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("fivetran"))
    with warehouse.connect() as connection:
        connection.execute("create schema salesforce")
        for table in TABLES:
            connection.execute(
                f"create table salesforce.\"{table}\" as from read_csv('{FIVETRAN}/sf_{table}_data.csv')"
            )
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    return warehouse


def test_opportunities_are_read_whole(fivetran: Warehouse) -> None:
    assert fivetran.query(
        "select count(*), count(*) filter (is_won), count(*) filter (is_closed and not is_won), "
        "sum(amount) filter (is_won)::integer, count(*) filter (amount is null) from crm.crm_opportunities"
    ) == [(10, 5, 4, 24_120_000, 6)]


def test_a_close_date_before_creation_is_flagged(fivetran: Warehouse) -> None:
    assert (
        fivetran.value(
            "select count(*) from crm.crm_opportunities where repairs like '%close_before_creation%'"
        )
        == 1
    )


def test_history_mode_is_not_taken_for_the_history_object(fivetran: Warehouse) -> None:
    """Fivetran's history mode of Opportunity has the sObject's name and another meaning."""
    assert fivetran.value("select count(*) from crm.crm_opportunity_changes") == 0
    assert fivetran.value("select count(*) from intermediate.int_opportunities__current") == 10


def test_deleted_opportunities_are_published_as_deleted_and_counted_nowhere(
    fivetran: Warehouse,
) -> None:
    assert fivetran.query("select outcome, count(*) from marts.opportunities group by 1") == [
        ("deleted", 10)
    ]
    assert fivetran.value("select count(*) from marts.pipeline_created") == 0


def test_every_row_is_accounted_for(fivetran: Warehouse) -> None:
    rows = fivetran.query(
        "select contract_table, rows_in, rows_published + rows_quarantined + rows_superseded + rows_out_of_scope "
        "from marts.reconciliation order by 1"
    )
    assert all(rows_in == rows_out for _, rows_in, rows_out in rows), rows
    received = {table: rows_in for table, rows_in, _ in rows}
    assert (received["opportunities"], received["users"], received["leads"]) == (10, 10, 1)
