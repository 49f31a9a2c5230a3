"""Bad rows: every planted fault is found, nothing is lost, and the rest of the build is right."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Warehouse, simulate

pytestmark = pytest.mark.dbt

# Where each planted fault must show: a query that returns the ids of the rows it is found in.
REPAIRED = "select opportunity_id from crm.crm_opportunities where repairs like '%{}%'"
FOUND_BY = {
    "negative_amount": REPAIRED.format("amount_negative"),
    "absurd_amount": REPAIRED.format("amount_absurd"),
    "close_date_1900": REPAIRED.format("close_date_impossible"),
    "close_date_2999": REPAIRED.format("close_date_impossible"),
    "close_before_creation": REPAIRED.format("close_before_creation"),
    "currency_without_rate": REPAIRED.format("currency_without_rate"),
    "duplicate_id": "select opportunity_id from crm.crm_opportunities where superseded_row_count > 0",
    "lead_duplicate_id": "select lead_id from crm.crm_leads where superseded_row_count > 0",
    "account_duplicate_id": "select account_id from crm.crm_accounts where superseded_row_count > 0",
    "dangling_account": "select opportunity_id from crm.crm_opportunities "
    "where account_id not in (select account_id from crm.crm_accounts)",
    "sentinel_id": "select opportunity_id from crm.crm_opportunities where account_id is null",
    "unknown_stage": "select opportunity_id from crm.crm_opportunities "
    "where stage_name not in (select stage_name from seeds.stage_map)",
    "history_disagrees": "select opportunity_id from marts.opportunities where is_history_disagreeing "
    "or outcome = 'deleted'",
}
# Faults that leave no id to look for are found by their number.
COUNTED_BY = {
    "missing_id": "opportunities_missing_id",
    "lead_missing_id": "leads_missing_id",
    "account_missing_id": "accounts_missing_id",
    "history_unknown_stage": "history_stage_unmapped",
    "exact_duplicate_history": "opportunity_changes_superseded",
}


@pytest.fixture(scope="module")
def planted(dirty: Warehouse) -> dict[str, Any]:
    faults: dict[str, Any] = dirty.truth()["planted_faults"]
    assert faults
    return faults


@pytest.mark.parametrize("fault", FOUND_BY)
def test_planted_fault_is_found_by_its_id(
    dirty: Warehouse, planted: dict[str, Any], fault: str
) -> None:
    found = {row[0] for row in dirty.query(FOUND_BY[fault])}
    assert set(planted[fault]["ids"]) <= found


@pytest.mark.parametrize("fault", COUNTED_BY)
def test_planted_fault_is_counted(dirty: Warehouse, planted: dict[str, Any], fault: str) -> None:
    assert (
        dirty.value(f"select row_count from marts.data_quality where rule = '{COUNTED_BY[fault]}'")
        == planted[fault]["rows"]
    )


def test_history_of_an_unknown_opportunity_waits_in_quarantine(
    dirty: Warehouse, planted: dict[str, Any]
) -> None:
    """Among them is the history of the opportunities that lost their id."""
    rows = dirty.value("select count(*) from marts.quarantine where reason = 'unknown_opportunity'")
    assert rows >= planted["history_without_opportunity"]["rows"]


def test_every_row_is_published_quarantined_or_superseded(dirty: Warehouse) -> None:
    for table, rows_in, rows_out in dirty.query(
        "select contract_table, rows_in, "
        "rows_published + rows_quarantined + rows_superseded + rows_out_of_scope "
        "from marts.reconciliation"
    ):
        assert rows_in == rows_out, table


def test_a_repaired_row_does_not_overrule_its_history(
    dirty: Warehouse, planted: dict[str, Any]
) -> None:
    """An amount mistyped today leaves the amount the history knows."""
    ids = ", ".join(f"'{i}'" for i in planted["negative_amount"]["ids"])
    for amount, last_known in dirty.query(
        "select o.amount::double, (select h.amount_original::double * c.corporate_rate::double "
        "from staging.stg_salesforce__opportunity_changes h where h.opportunity_id = o.opportunity_id "
        "and h.stage_name in (select stage_name from seeds.stage_map) "
        "order by h.changed_at desc, h.change_id desc limit 1) "
        "from marts.opportunities o join crm.crm_opportunities c using (opportunity_key) "
        f"where o.opportunity_id in ({ids}) and o.outcome <> 'deleted'"
    ):
        assert amount == pytest.approx(last_known, abs=0.01) if last_known else amount is None


def test_an_empty_crm_builds_and_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("empty"))
    warehouse.own_seeds()
    done = warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    assert "crm_has_opportunities" in done.stdout
    assert "everything_that_is_required_is_there" in done.stdout
    assert "WARN=2" in done.stdout
    assert warehouse.query(
        "select raw_table, raw_column from marts.source_gaps where is_required"
    ) == [("opportunity", None)]
    assert warehouse.value("select count(*) from marts.pipeline_created") == 0


def test_text_in_a_number_column_is_flagged_and_the_rest_is_read(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("text"), vars={"crm_sources": ["flat_file"]})
    warehouse.own_seeds()
    folder = warehouse.folder / "exports"
    folder.mkdir()
    (folder / "opportunities.csv").write_text(
        "opportunity_id,created_at,stage_name,amount,close_date\n"
        "a,2026-01-05,Qualified,1000,2026-05-01\n"
        "b,2026-01-06,Qualified,twelve,2026-05-01\n"
        "c,2026-01-07,Won,500,2026-02-30\n"
        ",2026-01-08,Won,500,2026-02-01\n"
        "d,2026-01-09,Maybe,700,2026-06-01\n"
    )
    done = warehouse.run("reverse-funnel", "load", str(folder), "--as-of", "2026-03-31")
    assert "twelve" in done.stdout + done.stderr
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    assert warehouse.query(
        "select opportunity_id, amount, close_date is null, repairs from crm.crm_opportunities order by 1"
    ) == [
        ("a", 1000, False, None),
        ("b", None, False, "amount_unreadable,"),
        ("c", 500, True, "close_date_unreadable,"),
        ("d", 700, False, None),
    ]
    rules = dict(warehouse.query("select rule, row_count from marts.data_quality"))
    assert rules["amount_unreadable"] == 1
    assert rules["stage_unmapped"] == 1
    assert rules["opportunities_missing_id"] == 1


def test_a_crm_that_nobody_has_staged_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("unknown"), vars={"crm_sources": ["pipedrive"]})
    done = warehouse.dbt("parse", check=False)
    assert done.returncode
    assert "pipedrive" in done.stdout


def test_a_loader_that_lands_fewer_columns_is_read(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Some loaders create no column until it has a value; text dates and numbers are read too."""
    warehouse = Warehouse(tmp_path_factory.mktemp("sparse"))
    warehouse.own_seeds()
    simulate(warehouse, opportunities=300, seed=5)
    with warehouse.connect() as connection:
        for column in ("lead_source", "type", "record_type_id", "self_reported_source_c"):
            connection.execute(f"alter table salesforce.opportunity drop column {column}")
        connection.execute(
            "alter table salesforce.opportunity alter close_date set data type varchar"
        )
        connection.execute("alter table salesforce.opportunity alter amount set data type varchar")
        for table in (
            "task",
            "event",
            "dated_conversion_rate",
            "lead_history",
            "account_history",
            "opportunity_field_history",
        ):
            connection.execute(f"drop table salesforce.{table}")
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    assert warehouse.value("select count(*) from marts.opportunities") == 300
    assert warehouse.query(
        "select count(*) from marts.opportunities where pipeline_source <> 'unmapped'"
    ) == [(0,)]
    assert warehouse.query(
        "select count(close_date) > 0, sum(amount) > 0 from crm.crm_opportunities"
    ) == [(True, True)]
