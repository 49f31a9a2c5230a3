"""Bad rows: every planted fault is found, nothing is lost, and the rest of the build is right."""

from __future__ import annotations

import re
from typing import Any

import psycopg2
import pytest

from conftest import ROOT, PostgresServer, Warehouse, comparable, simulate
from reverse_funnel.demo.found import find
from reverse_funnel.demo.hubspot import HubspotWriter
from reverse_funnel.demo.salesforce import SalesforceWriter
from reverse_funnel.warehouse import DbtProject, publish_raw

pytestmark = pytest.mark.dbt

CRMS = ("salesforce", "hubspot")
# Rules that a company without a single planted fault breaks, too: what people do is so.
NATURAL = {
    "amount_missing_at_qualification",
    "history_tie",
    "open_close_date_past",
    "reopened",
}


@pytest.fixture(scope="module")
def planted(dirty: Warehouse) -> dict[str, dict[str, Any]]:
    faults: dict[str, dict[str, Any]] = dirty.truth()["planted_faults_by_crm"]
    assert set(faults) == set(CRMS)
    return faults


@pytest.mark.parametrize("crm", CRMS)
def test_every_planted_fault_is_found_and_none_missed(
    dirty: Warehouse, planted: dict[str, dict[str, Any]], crm: str
) -> None:
    """By its id, or where it left none by its number; and planted it was, all of it."""
    with dirty.connect() as connection:
        results = find(connection, crm, planted[crm])
    writer = SalesforceWriter if crm == "salesforce" else HubspotWriter
    assert {result.fault for result in results} == {fault.name for fault in writer.faults}
    assert all(result.planted > 0 for result in results)
    assert not {result.fault: result.missed for result in results if result.missed}


@pytest.mark.parametrize("crm", CRMS)
@pytest.mark.parametrize(
    "rule",
    [
        "opportunities_missing_id",
        "opportunities_missing_created_at",
        "opportunities_impossible_created_at",
        "opportunities_superseded",
        "amount_negative",
        "amount_absurd",
        "amount_unreadable",
        "currency_without_rate",
        "close_date_impossible",
        "close_date_far_future",
        "close_before_creation",
        "last_modified_impossible",
        "stage_respelled",
        "stage_unmapped",
        "name_garbled",
        "owner_missing",
        "history_stage_respelled",
        "history_stage_unmapped",
        "history_before_creation",
        "opportunity_changes_missing_id",
        "opportunity_changes_impossible_changed_at",
        "opportunity_changes_superseded",
        "accounts_missing_id",
        "accounts_superseded",
        "account_employees_negative",
        "leads_missing_id",
        "leads_superseded",
        "touches_missing_id",
        "users_missing_id",
        "users_superseded",
    ],
)
def test_a_rule_finds_what_was_planted_and_nothing_else(
    dirty: Warehouse, planted: dict[str, dict[str, Any]], crm: str, rule: str
) -> None:
    rows = sum(fault["rows"] for fault in planted[crm].values() if fault["rule"] == rule)
    assert rows > 0
    assert (
        dirty.value(
            f"select row_count from marts.data_quality_summary where rule = '{rule}' and crm = '{crm}'"
        )
        == rows
    )


def test_a_clean_company_breaks_only_what_people_break(demo: Warehouse, hubspot: Warehouse) -> None:
    for warehouse in (demo, hubspot):
        rules = {rule for (rule,) in warehouse.query("select rule from marts.data_quality_summary")}
        assert rules
        assert rules <= NATURAL


def test_every_row_is_published_quarantined_or_superseded(dirty: Warehouse) -> None:
    rows = dirty.query(
        "select crm, contract_table, rows_in, rows_out_of_scope, "
        "rows_published + rows_quarantined + rows_superseded + rows_out_of_scope, rows_quarantined "
        "from marts.reconciliation"
    )
    assert len(rows) == 16
    for crm, table, rows_in, out_of_scope, rows_out, quarantined in rows:
        assert rows_in == rows_out, (crm, table)
        assert out_of_scope >= 0, (crm, table)
        assert quarantined > 0, (crm, table)


def test_days_sum_to_rules_and_rules_to_what_was_kept_back(dirty: Warehouse) -> None:
    assert comparable(
        dirty.query(
            "select crm, rule, handling, sum(row_count), sum(amount_affected), max(entered_on), "
            "max(cumulative_row_count), max_by(cumulative_amount_affected, entered_on) "
            "from marts.data_quality group by all"
        )
    ) == comparable(
        dirty.query(
            "select crm, rule, handling, row_count, amount_affected, last_entered_on, row_count, "
            "amount_affected from marts.data_quality_summary"
        )
    )
    for crm in CRMS:
        # In HubSpot one of two values of a moment is not published, and counts as a repair.
        ties = dirty.value(
            f"select coalesce(sum(row_count), 0) from staging.stg_{crm}__discarded where reason = 'tie'"
        )
        assert bool(ties) == (crm == "hubspot")
        assert dirty.query(
            "select sum(row_count) filter (handling = 'quarantined'), "
            f"sum(row_count) filter (handling = 'superseded') + {ties} "
            f"from marts.data_quality where crm = '{crm}'"
        ) == dirty.query(
            "select sum(rows_quarantined), sum(rows_superseded) from marts.reconciliation "
            f"where crm = '{crm}'"
        )


def test_an_earlier_day_counts_what_had_entered_by_then(dirty: Warehouse) -> None:
    """Of the faults that are still there each day's count is that of a build as of a later day."""
    then = dirty.vars
    day = "2026-05-31"
    # Whether a date is past, or too far away, depends on the day that asks.
    relative = (
        "('open_close_date_past', 'open_close_date_too_far', 'history_disagrees', 'reopened')"
    )
    query = (
        "select crm, rule, handling, entered_on, row_count from {}.data_quality "
        f"where entered_on <= date '{day}' and rule not in {relative} and rule not like '%unmapped'"
    )
    expected = comparable(dirty.query(query.format("marts")))
    dirty.vars = then | {"as_of_date": day}
    try:
        dirty.dbt(
            "build", "--select", "+data_quality_summary",
            "--exclude-resource-type", "test", "unit_test",
        )  # fmt: skip
    finally:
        dirty.vars = then
    found = comparable(dirty.query(query.format("marts_as_of_20260531")))
    assert len(found) > 100
    assert found == expected
    assert dirty.value(
        f"select max(entered_on) <= date '{day}' from marts_as_of_20260531.data_quality"
    )


@pytest.mark.parametrize("crm", CRMS)
def test_a_repaired_row_does_not_overrule_its_history(
    dirty: Warehouse, planted: dict[str, dict[str, Any]], crm: str
) -> None:
    """An amount mistyped today leaves the amount the history knows."""
    ids = ", ".join(f"'{i}'" for i in planted[crm]["negative_amount"]["ids"])
    rows = dirty.query(
        "select o.amount::double, (select h.amount_original::double * c.corporate_rate::double "
        f"from staging.stg_{crm}__opportunity_changes h where h.opportunity_id = o.opportunity_id "
        "and h.stage_name in (select stage_name from seeds.stage_map) "
        "order by h.changed_at desc, h.change_id desc limit 1) "
        "from marts.opportunities o join crm.crm_opportunities c using (opportunity_key) "
        f"where o.opportunity_id in ({ids})"
    )
    assert rows
    for amount, last_known in rows:
        # What no history tells is taken to have been always as it is now: unusable.
        usable = last_known if last_known and last_known > 0 else None
        assert amount == (None if usable is None else pytest.approx(usable, abs=0.01))


@pytest.mark.parametrize("crm", CRMS)
def test_a_stage_spelled_otherwise_is_the_stage_it_looks_like(
    dirty: Warehouse, planted: dict[str, dict[str, Any]], crm: str
) -> None:
    """The state now is the one its history ends with, as it was before somebody pasted the name."""
    ids = [
        i
        for name in ("stage_padded", "stage_unseen", "stage_case")
        for i in planted[crm][name]["ids"]
    ]
    listed = ", ".join(f"'{i}'" for i in ids)
    assert dirty.query(
        f"select count(*), count(*) filter (stage_number >= 0), count(*) filter (is_history_disagreeing) "
        f"from marts.opportunities where opportunity_id in ({listed})"
    ) == [(len(ids), len(ids), 0)]


@pytest.mark.postgres
def test_faulty_rows_are_found_and_handled_the_same_on_postgres(
    dirty: Warehouse, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    schemas = {f"{crm}_schema": f"dirty_{crm}" for crm in CRMS}
    there = Warehouse(
        tmp_path_factory.mktemp("dirty_on_postgres"),
        vars=dirty.vars | schemas | {"schema_prefix": "dirty_"},
        environment=postgres.environment,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in postgres.environment.items():
            patch.setenv(name, value)
        project = DbtProject(ROOT, there.profiles_dir())
        with dirty.connect() as raw:
            for crm in CRMS:
                publish_raw(raw, crm, project.connection(), f"dirty_{crm}")
    selection = ("--select", "+path:models/marts/quality")
    there.dbt("build", *selection, "--exclude-resource-type", "test", "unit_test")
    marts = [
        name
        for (name,) in dirty.query(
            "select table_name from information_schema.tables where table_schema = 'marts' "
            "and (table_name in ('quarantine', 'reconciliation') or table_name like 'data_quality%')"
        )
    ]
    assert len(marts) == 5
    with psycopg2.connect(postgres.address) as connection, connection.cursor() as cursor:
        for mart in marts:
            columns = ", ".join(
                name
                for (name,) in dirty.query(
                    "select column_name from information_schema.columns "
                    f"where table_schema = 'marts' and table_name = '{mart}'"
                )
            )
            cursor.execute(f"select {columns} from dirty_marts.{mart}")
            expected = comparable(dirty.query(f"select {columns} from marts.{mart}"))
            assert comparable(cursor.fetchall()) == expected, mart


def test_every_rule_is_explained_and_every_fault_listed(dirty: Warehouse) -> None:
    rules = set(re.findall(r"`([a-z_0-9]+)`", (ROOT / "docs" / "data_quality.md").read_text()))
    found = {rule for (rule,) in dirty.query("select rule from marts.data_quality_summary")}
    assert not found - rules
    page = (ROOT / "docs" / "validation_faults.md").read_text()
    rows = re.findall(r"^\| ([a-z_0-9]+) \| `([a-z_0-9]+)` \|.* (\d+) \|$", page, re.MULTILINE)
    assert [(fault, rule) for fault, rule, _ in rows] == [
        (fault.name, fault.rule)
        for writer in (SalesforceWriter, HubspotWriter)
        for kind in writer.kinds
        for fault in writer.faults
        if fault.kind == kind
    ]
    assert {missed for _, _, missed in rows} == {"0"}


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
    rules = dict(warehouse.query("select rule, row_count from marts.data_quality_summary"))
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
