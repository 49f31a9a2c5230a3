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

from conftest import PostgresServer, Rows, Warehouse, comparable, contracts_that_differ
from reverse_funnel.demo import hubspot_tables as demo_hubspot
from reverse_funnel.demo import salesforce_tables as demo_salesforce

pytestmark = pytest.mark.dbt

PREFIXES = {
    demo_hubspot.DEAL: demo_salesforce.OPPORTUNITY,
    demo_hubspot.COMPANY: demo_salesforce.ACCOUNT,
    demo_hubspot.CONTACT: demo_salesforce.LEAD,
    demo_hubspot.OWNER: demo_salesforce.USER,
}
OF_THE_CRM = {
    "opportunity_key": "*",
    "crm": "*",
    "manager_id": "owners",
    "history_source": "history_sources",
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
def built(
    both_crms: Warehouse, hubspot: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Warehouse]:
    """Build the company from the one CRM, from the other and from both."""
    sources = {"both": ["salesforce", "hubspot"], "salesforce": ["salesforce"]}
    warehouses = {
        name: copied(
            both_crms, Warehouse(tmp_path_factory.mktemp(name), vars={"crm_sources": crms})
        )
        for name, crms in sources.items()
    }
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, warehouses.values()))
    return warehouses | {"hubspot": hubspot}


def columns_of(warehouse: Warehouse, mart: str) -> list[str]:
    return [
        name
        for (name,) in warehouse.query(
            "select column_name from information_schema.columns where table_schema = 'marts' "
            f"and table_name = '{mart}' order by ordinal_position"
        )
    ]


def marts_of(warehouse: Warehouse) -> list[str]:
    """Return every mart but the one that lists what the raw tables lack."""
    return [
        name
        for (name,) in warehouse.query(
            "select table_name from information_schema.tables where table_schema = 'marts' "
            "and table_name <> 'source_gaps' order by 1"
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
        if mart.startswith("data_quality"):
            # What HubSpot tells of one moment is one change: there are no ties.
            condition = " where rule <> 'history_tie'"
        expected = rows_of(built["salesforce"], f"{mart}{condition}", columns)
        compared += len(expected)
        if rows_of(built["hubspot"], f"{mart}{condition}", columns) != expected:
            differing.append(mart)
    assert not differing
    assert compared > 10_000


@pytest.mark.parametrize(
    "mart",
    [
        "opportunities",
        "pipeline_created",
        "accounts",
        "owners",
        "data_quality",
        "data_quality_findings",
        "data_quality_summary",
        "quarantine",
        "reconciliation",
    ],
)
def test_both_crms_give_the_rows_of_each_told_apart_by_crm(
    built: dict[str, Warehouse], mart: str
) -> None:
    for crm in ("salesforce", "hubspot"):
        query = f"select * from marts.{mart} where crm = '{crm}'"
        assert comparable(built["both"].query(query)) == comparable(built[crm].query(query))


def test_each_opportunity_is_there_twice(built: dict[str, Warehouse]) -> None:
    assert built["both"].query(
        "select count(*), count(distinct opportunity_key), count(distinct name) from marts.opportunities"
    ) == [(1400, 1400, 700)]


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
    both_crms: Warehouse, tmp_path_factory: pytest.TempPathFactory
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
            both_crms,
            Warehouse(tmp_path_factory.mktemp(name), vars={"crm_sources": ["hubspot"]}),
            sql,
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


# ------------------------------------------------------------------ on the second database


@pytest.mark.postgres
def test_the_contract_is_the_same_on_postgres(
    without_history: dict[str, Warehouse],
    built: dict[str, Warehouse],
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """With all tables, and where the deals' own properties are all there is of a history."""
    for number, here in enumerate([built["hubspot"], without_history["entry_dates"]]):
        schema = f"hubspot_{number}"
        there = Warehouse(
            tmp_path_factory.mktemp(schema),
            vars=here.vars | {"hubspot_schema": schema, "schema_prefix": f"{schema}_"},
            environment=postgres.environment,
        )
        assert contracts_that_differ(here, there, postgres, schema) == []


# ------------------------------------------------------------------ single rules, by hand

LANDED = """
    create schema hubspot;
    create table hubspot.deal_pipeline as
    select * from (values ('default', 'New'), ('7', 'Renewals')) as t (pipeline_id, label);
    create table hubspot.deal_pipeline_stage as
    select * from (values
        ('default', 'a', 'Meeting', 0.1, false, false), ('default', 'b-1', 'Trial', 0.4, false, true),
        ('default', 'won', 'Signed', 1.0, true, false), ('default', 'lost', 'Gone', 0.0, true, false),
        ('7', 'a', 'Renewal due', 0.5, false, false), ('7', 'won', 'Signed', 1.0, true, false)
    ) as t (pipeline_id, stage_id, label, probability, closed_won, _fivetran_deleted);
    create table hubspot.deal as
    select *, timestamp '2024-01-01 09:00:00' as property_createdate, 'USD' as property_deal_currency_code,
        timestamp '2024-06-01' as _fivetran_synced
    from (values
        (1, 'default', 'won', 500, timestamp '2024-04-01 03:00:00'),
        (2, '7', 'a', 40, null),
        (3, 'gone', 'won', 30, null),
        (4, 'gone', 'a', 30, null),
        (5, 'default', 'lost', 20, null),
        (6, 'default', 'never seen', null, null),
        (7, 'default', 'a', 10, null)
    ) as t (deal_id, deal_pipeline_id, deal_pipeline_stage_id, property_amount, property_closedate);
    create table hubspot.merged_deal as
    select * from (values (1, 7), (1, 8)) as t (deal_id, merged_deal_id);
    create table hubspot.deal_company as
    select * from (values (1, 9, 341), (1, 10, 341), (1, 10, 5), (2, 9, 341), (2, 10, 341))
        as t (deal_id, company_id, type_id);
    create table hubspot.deal_contact as
    select * from (values (1, 100), (1, 99), (2, 99)) as t (deal_id, contact_id);
    create table hubspot.company as
    select * from (values (9, null), (10, '11;12'), (11, null), (12, null))
        as t (id, property_hs_merged_object_ids);
    create table hubspot.contact as
    select *, timestamp '2024-01-01' as property_createdate from (values (99), (100), (101)) as t (id);
    create table hubspot.deal_property_history as
    select * from (values
        (1, 'pipeline', '7', timestamp '2024-01-01 09:00:00'),
        (1, 'dealstage', 'a', timestamp '2024-01-01 09:00:00'),
        (1, 'hubspot_owner_id', '5', timestamp '2024-01-01 09:00:00'),
        (1, 'lead_source', 'Website', timestamp '2024-01-01 10:00:00'),
        (1, 'dealtype', 'newbusiness', timestamp '2024-01-09 09:00:00'),
        (1, 'hubspot_owner_id', '6', timestamp '2024-01-09 09:00:00'),
        (1, 'hubspot_owner_id', '6', timestamp '2024-01-09 09:00:00'),
        (1, 'pipeline', 'default', timestamp '2024-02-01 09:00:00'),
        (1, 'dealstage', 'b-1', timestamp '2024-02-01 09:00:00'),
        (1, 'amount', '400', timestamp '2024-02-01 09:00:00'),
        (1, 'closedate', '1711940400000', timestamp '2024-02-02 09:00:00'),
        (1, 'amount', '', timestamp '2024-02-03 09:00:00'),
        (1, 'closedate', '2024-04-02T03:00:00.500Z', timestamp '2024-02-04 09:00:00'),
        (1, 'dealstage', 'won', timestamp '2024-03-01 09:00:00'),
        (8, 'dealstage', 'a', timestamp '2024-01-01 09:00:00'),
        (77, 'dealstage', 'a', timestamp '2024-01-01 09:00:00')
    ) as t (deal_id, name, value, timestamp);
    create table hubspot.engagement_email as
    select *, timestamp '2024-01-05' as property_hs_timestamp from (values
        (1, 'EMAIL'), (2, 'INCOMING_EMAIL')
    ) as t (engagement_id, property_hs_email_direction);
    create table hubspot.engagement_task as
    select *, timestamp '2024-09-09' as property_hs_timestamp from (values
        (3, 'COMPLETED', timestamp '2024-01-06'), (4, 'NOT_STARTED', null)
    ) as t (engagement_id, property_hs_task_status, property_hs_task_completion_date);
    create table hubspot.engagement_contact as
    select * from (values (1, 101), (1, 99)) as t (engagement_id, contact_id);
"""


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Stage a few rows of HubSpot, of which most tables are not there."""
    warehouse = Warehouse(tmp_path_factory.mktemp("landed"), vars={"crm_sources": ["hubspot"]})
    warehouse.profiles_dir()
    with warehouse.connect() as connection:
        connection.execute(LANDED)
    build(warehouse, "--select", "path:models/crm", "path:models/staging", "+reconciliation")
    return warehouse


def test_a_stage_has_the_label_of_its_pipeline(landed: Warehouse) -> None:
    """Where the pipeline is gone, the label all others give the id, if it is one, else the id."""
    assert landed.query(
        "select opportunity_id, record_type, stage_name from crm.crm_opportunities order by 1"
    ) == [
        ("1", "New", "Signed"),
        ("2", "Renewals", "Renewal due"),
        ("3", None, "Signed"),
        ("4", None, "a"),
        ("5", "New", "Gone"),
        ("6", "New", "never seen"),
        ("7", "New", "Meeting"),
    ]


def test_won_is_closed_with_certainty_whatever_closed_won_says(landed: Warehouse) -> None:
    assert landed.query(
        "select opportunity_id, is_closed, is_won from crm.crm_opportunities "
        "where opportunity_id in ('1', '2', '5') order by 1"
    ) == [("1", True, True), ("2", False, False), ("5", True, False)]


def test_a_deal_of_several_companies_is_with_the_primary_one_else_the_first(
    landed: Warehouse,
) -> None:
    assert landed.query(
        "select opportunity_id, account_id, lead_id from crm.crm_opportunities "
        "where opportunity_id in ('1', '2', '3') order by 1"
    ) == [("1", "10", "99"), ("2", "9", "99"), ("3", None, None)]


def test_a_merged_deal_is_deleted_and_its_history_no_riddle(landed: Warehouse) -> None:
    assert landed.query(
        "select opportunity_id, deleted_at::varchar from crm.crm_opportunities where is_deleted"
    ) == [("7", "2024-06-01 00:00:00")]
    assert landed.query(
        "select row_id, reason from marts.quarantine where contract_table = 'opportunity_changes'"
    ) == [("77", "unknown_opportunity")]


def test_a_state_is_what_was_known_at_each_moment(landed: Warehouse) -> None:
    """The pipeline, too, is that of the moment; an amount can be taken back."""
    assert landed.query(
        "select strftime(changed_at, '%m-%d'), stage_name, amount::integer, close_date::varchar "
        "from crm.crm_opportunity_changes where opportunity_id = '1' order by changed_at"
    ) == [
        ("01-01", "Renewal due", None, None),
        ("02-01", "Trial", 400, None),
        ("02-02", "Trial", 400, "2024-04-01"),
        ("02-03", "Trial", None, "2024-04-01"),
        ("02-04", "Trial", None, "2024-04-02"),
        ("03-01", "Signed", None, "2024-04-02"),
    ]


def test_a_value_at_creation_is_no_change(landed: Warehouse) -> None:
    """Filled in an hour later it is one of creation; a week later the property was empty before."""
    assert landed.query(
        "select attribute, old_value, new_value from crm.crm_attribute_changes order by 1"
    ) == [("deal_type", None, "newbusiness"), ("owner_id", "5", "6")]


def test_companies_name_those_they_absorbed(landed: Warehouse) -> None:
    assert landed.query(
        "select account_id, merged_into_account_id from crm.crm_accounts "
        "where merged_into_account_id is not null order by 1"
    ) == [("11", "10"), ("12", "10")]


def test_only_what_we_did_is_a_touch(landed: Warehouse) -> None:
    assert landed.query(
        "select touch_id, kind, lead_id, strftime(occurred_at, '%m-%d') from crm.crm_touches order by 1"
    ) == [("1", "email", "99", "01-05"), ("3", "task", None, "01-06")]


def test_every_landed_row_is_accounted_for(landed: Warehouse) -> None:
    assert not landed.query(
        "select * from marts.reconciliation where rows_in <> rows_published + rows_quarantined "
        "+ rows_superseded + rows_out_of_scope or rows_out_of_scope < 0"
    )


def test_a_close_date_is_a_day_where_the_account_is(landed: Warehouse) -> None:
    landed.vars = landed.vars | {"hubspot_time_zone": "America/New_York"}
    landed.dbt("run", "--select", "stg_hubspot__opportunities", "stg_hubspot__opportunity_changes")
    assert landed.query(
        "select close_date::varchar from staging.stg_hubspot__opportunities where opportunity_id = '1'"
    ) == [("2024-03-31",)]
    assert landed.query(
        "select max(close_date)::varchar from staging.stg_hubspot__opportunity_changes"
    ) == [("2024-04-01",)]
