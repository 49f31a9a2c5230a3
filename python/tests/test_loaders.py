"""What Airbyte and dlt land of a CRM gives the marts that Fivetran's tables give.

The demo's tables are rewritten: names and types as the other loader has them, columns it would not
create left out, rows that it appends once more when they change, lists inside of rows. What may
differ is how many copies came in and, for HubSpot, what the loader does not have at all: roles of
owners, and dlt's activities.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from conftest import PostgresServer, Rows, Warehouse, comparable, contracts_that_differ
from reverse_funnel.demo import hubspot_tables as demo_hubspot

pytestmark = pytest.mark.dbt

TABLES = (
    "opportunity",
    "opportunity_history",
    "opportunity_field_history",
    "account",
    "account_history",
    "lead",
    "lead_history",
    "task",
    "event",
    "user",
    "user_role",
    "record_type",
    "dated_conversion_rate",
)
# What an older version of a changed row looked like.
OLDER = {
    "opportunity": "stage_name = 'Proposal', amount = 1",
    "account": "number_of_employees = 1",
    "lead": "status = 'New'",
    "task": "status = 'Open', completed_date_time = completed_date_time - interval 400 day",
    "event": "start_date_time = start_date_time + interval 400 day",
    # the rate that was the last one for a time
    "dated_conversion_rate": "next_start_date = date '9999-12-31', conversion_rate = 1000",
}
MADE_AT = ("last_modified_date", "system_modstamp", "_fivetran_synced")


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def airbyte_column(name: str) -> str:
    if name == "_fivetran_synced":
        return "_airbyte_extracted_at"
    if name.endswith("_c"):
        return "_".join(part.capitalize() for part in name.split("_")[:-1]) + "__c"
    return pascal(name)


def dlt_column(name: str) -> str:
    if name == "_fivetran_synced":
        return "_dlt_load_id"
    return name.removesuffix("_c") + "__c" if name.endswith("_c") else name


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            "where schema_name = 'salesforce' and table_name = ? order by column_index",
            [table],
        ).fetchall()
    )


def append_copies(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Let a third of the rows have been landed before, some of them in an older version."""
    columns = columns_of(connection, table)
    third = "right(id, 3)::integer % 3 = 0"
    if table in OLDER:
        connection.execute(
            f'create temp table older as select * from salesforce."{table}" where {third}'
        )
        moved = ", ".join(
            f"{name} = {name} - interval 1 day" for name in MADE_AT if name in columns
        )
        connection.execute(f"update older set {OLDER[table]}, {moved}")
        connection.execute(f'insert into salesforce."{table}" from older; drop table older')
    elif table.endswith("history"):
        connection.execute(
            f'insert into salesforce."{table}" select * from salesforce."{table}" where {third}'
        )


def as_airbyte(connection: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES:
        append_copies(connection, table)
        columns = columns_of(connection, table)
        kept = ", ".join(
            f'("{name}" at time zone \'UTC\') as "{airbyte_column(name)}"'
            if kind == "TIMESTAMP"
            else f'"{name}" as "{airbyte_column(name)}"'
            for name, kind in columns.items()
            if name != "_fivetran_deleted"
        )
        connection.execute(
            f'create table salesforce."__{table}" as select {kept} from salesforce."{table}"; '
            f'drop table salesforce."{table}"; '
            f'alter table salesforce."__{table}" rename to "{pascal(table)}"'
        )


def as_dlt(connection: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES:
        append_copies(connection, table)
        columns = columns_of(connection, table)
        select = []
        for name, kind in columns.items():
            filled = connection.execute(
                f'select count("{name}") from salesforce."{table}"'
            ).fetchone()
            if name == "_fivetran_synced":
                value = f"(epoch_ms({name}) / 1000)::decimal(18, 3)::varchar"
            elif kind == "DATE":
                value = f"{name}::varchar"
            elif kind == "TIMESTAMP":
                value = f"{name} at time zone 'UTC'"
            else:
                value = f'"{name}"'
            # A column without any value does not come into being.
            if name != "_fivetran_deleted" and filled != (0,):
                select.append(f'{value} as "{dlt_column(name)}"')
        connection.execute(
            f'create table salesforce."__{table}" as select {", ".join(select)} '
            f'from salesforce."{table}"; drop table salesforce."{table}"; '
            f'alter table salesforce."__{table}" '
            f'rename to "{"sf_user" if table == "user" else table}"'
        )


@pytest.fixture(scope="module")
def landed(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Warehouse]:
    """Build the demo company from the tables of each of the other loaders."""
    warehouses = {}
    for loader, rewrite in (("airbyte", as_airbyte), ("dlt", as_dlt)):
        warehouse = Warehouse(tmp_path_factory.mktemp(loader), vars={"salesforce_loader": loader})
        shutil.copy(demo.path, warehouse.path)
        with warehouse.connect() as connection:
            rewrite(connection)
            for schema in ("staging", "crm", "intermediate", "marts"):
                connection.execute(f"drop schema {schema} cascade")
        warehouses[loader] = warehouse

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build_and_check, warehouses.values()))
    return warehouses


def build_and_check(warehouse: Warehouse) -> None:
    """Build, and see that no row was lost."""
    warehouse.dbt(
        *("build", "--indirect-selection", "empty", "--exclude-resource-type", "unit_test"),
        *("--select", "resource_type:seed", "resource_type:model"),
        "every_row_that_came_in_is_accounted_for",
    )


def relations(warehouse: Warehouse) -> list[str]:
    """Return the marts, and the parts of the CRM contract that hardly any mart shows.

    Not source_gaps: it lists what a loader does not land.
    """
    marts = [
        f"marts.{name}"
        for (name,) in warehouse.query(
            "select table_name from information_schema.tables where table_schema = 'marts' "
            "and table_name <> 'source_gaps'"
        )
    ]
    assert len(marts) > 25
    return [*marts, "crm.crm_touches", "crm.crm_lead_changes", "crm.crm_attribute_changes"]


def rows(warehouse: Warehouse, relation: str) -> Rows:
    """Rows of a relation, without what tells how many copies of them came in."""
    if relation.startswith("marts.data_quality"):
        return warehouse.query(f"from {relation} where handling <> 'superseded'")
    if relation == "marts.reconciliation":
        return warehouse.query(
            f"select crm, contract_table, rows_published, rows_quarantined from {relation}"
        )
    return warehouse.query(f"from {relation}")


@pytest.mark.parametrize("loader", ["airbyte", "dlt"])
def test_another_loader_gives_the_same_marts(
    demo: Warehouse, landed: dict[str, Warehouse], loader: str
) -> None:
    assert not [
        relation
        for relation in relations(demo)
        if comparable(rows(landed[loader], relation)) != comparable(rows(demo, relation))
    ]


@pytest.mark.parametrize("loader", ["airbyte", "dlt"])
def test_copies_that_came_in_are_accounted_for(landed: dict[str, Warehouse], loader: str) -> None:
    for table, copies in landed[loader].query(
        "select contract_table, rows_superseded + rows_out_of_scope from marts.reconciliation "
        "where contract_table <> 'users'"
    ):
        assert copies > 10, table


# ------------------------------------------------------------------ HubSpot

# Older versions of changed rows, and copies of others, as appending loaders leave them.
APPEND = """
    create temp table older as select * from hubspot.deal where deal_id % 3 = 0;
    update older set property_amount = 1, deal_pipeline_stage_id = 'appointmentscheduled',
        property_hs_lastmodifieddate = property_hs_lastmodifieddate - interval 1 day;
    insert into hubspot.deal from older;
    create or replace temp table older as select * from hubspot.company where id % 3 = 0;
    update older set property_numberofemployees = 1,
        property_hs_lastmodifieddate = property_hs_lastmodifieddate - interval 1 day;
    -- nothing says when these were made: on no warehouse are they the latest
    update older set property_hs_lastmodifieddate = null, _fivetran_synced = null where id % 2 = 0;
    insert into hubspot.company from older;
    create or replace temp table older as select * from hubspot.contact where id % 3 = 0;
    update older set property_lead_source = 'Website',
        property_lastmodifieddate = property_lastmodifieddate - interval 1 day;
    insert into hubspot.contact from older;
    create or replace temp table older as select * from hubspot.engagement_meeting
        where engagement_id % 3 = 0;
    update older set property_hs_meeting_start_time = timestamp '2035-01-01',
        property_hs_lastmodifieddate = case
            when engagement_id % 2 = 0 then property_hs_lastmodifieddate - interval 1 day
        end;
    insert into hubspot.engagement_meeting from older;
    drop table older;
"""
COPY_HISTORIES = """
    insert into hubspot.deal_property_history from hubspot.deal_property_history
        where deal_id % 3 = 0;
    insert into hubspot.company_property_history from hubspot.company_property_history
        where company_id % 3 = 0;
    insert into hubspot.contact_property_history from hubspot.contact_property_history
        where contact_id % 3 = 0;
"""
# What the other loaders know of the company of a deal.
PRIMARY = """
    alter table hubspot.deal add column property_hs_primary_associated_company double;
    update hubspot.deal set property_hs_primary_associated_company = company_id
    from hubspot.deal_company
    where deal.deal_id = deal_company.deal_id and deal_company.type_id = 5;
"""
OWN_NAMES = {"deal_pipeline_id": "pipeline", "deal_pipeline_stage_id": "dealstage"}


def object_columns(
    connection: duckdb.DuckDBPyConnection, table: str, prefix: str, loaded_at: str
) -> str:
    """Return the select list of an object's properties as another loader names and types them."""
    select = []
    for name, kind in connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where schema_name = 'hubspot' and table_name = ? order by column_index",
        [table],
    ).fetchall():
        value = f"{name} at time zone 'UTC'" if kind == "TIMESTAMP" else name
        if name == "_fivetran_synced":
            select.append(loaded_at)
        elif name.startswith("property_"):
            select.append(f"{value} as {prefix}{name.removeprefix('property_')}")
        elif name in OWN_NAMES:
            select.append(f"{value} as {prefix}{OWN_NAMES[name]}")
        elif name == "owner_id" and table == "deal":
            select.append(f"owner_id as {prefix}hubspot_owner_id")
    return ", ".join(select)


HUBSPOT_AT = "_fivetran_synced at time zone 'UTC' as _airbyte_extracted_at"


def hubspot_as_airbyte(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(PRIMARY + APPEND + COPY_HISTORIES)
    connection.execute(
        """
        create temp table lists as
        select 'deal_company' as name, deal_id as id, to_json(list(company_id::varchar)) as list
        from hubspot.deal_company group by deal_id
        union all select 'deal_contact', deal_id, to_json(list(contact_id::varchar))
        from hubspot.deal_contact group by deal_id
        union all select 'engagement_contact', engagement_id, to_json(list(contact_id::varchar))
        from hubspot.engagement_contact group by engagement_id
        union all select 'engagement_deal', engagement_id, to_json(list(deal_id::varchar))
        from hubspot.engagement_deal group by engagement_id
        """
    )

    def listed(name: str, key: str) -> str:
        return f"(select list from lists where name = '{name}' and id = {key})"

    deals = (
        f"select deal_id::varchar as id, is_deleted as archived, "
        f"{listed('deal_company', 'deal_id')} as companies, "
        f"{listed('deal_contact', 'deal_id')} as contacts, "
        f"{object_columns(connection, 'deal', 'properties_', HUBSPOT_AT)} from hubspot.deal "
    )
    statements = [
        f"create table hubspot.deals as {deals} where not is_deleted",
        # only what is archived has the column, and it is loaded anew each time
        "create table hubspot.deals_archived as select * replace ("
        "(select max(_fivetran_synced) at time zone 'UTC' from hubspot.deal) as _airbyte_extracted_at"
        f'), properties_hs_lastmodifieddate as "archivedAt" from ({deals}) where archived',
        *(
            f"create table hubspot.{stream} as select id::varchar as id, {deleted} as archived, "
            f"{object_columns(connection, table, 'properties_', HUBSPOT_AT)} from hubspot.{table}"
            for stream, table, deleted in (
                ("companies", "company", "is_deleted"),
                ("contacts", "contact", "_fivetran_deleted"),
            )
        ),
        *(
            f"create table hubspot.engagements_{kind}s as select engagement_id::varchar as id, "
            f"false as archived, {listed('engagement_contact', 'engagement_id')} as contacts, "
            f"{listed('engagement_deal', 'engagement_id')} as deals, "
            f"{object_columns(connection, f'engagement_{kind}', 'properties_', HUBSPOT_AT)} "
            f"from hubspot.engagement_{kind}"
            for kind in ("call", "email", "task", "meeting")
        ),
        *(
            f'create table hubspot.{stream}_property_history as select {key} as "{name}", '
            f'name as property, value, {moment} as "timestamp", {HUBSPOT_AT} '
            f"from hubspot.{table}_property_history"
            for stream, table, key, name, moment in (
                ("deals", "deal", "deal_id", "dealId", "timestamp at time zone 'UTC'"),
                ("companies", "company", "company_id", "companyId", "timestamp at time zone 'UTC'"),
                ("contacts", "contact", "contact_id", "vid", "epoch_ms(timestamp)"),
            )
        ),
        f"""
        create table hubspot.deal_pipelines as
        select pipeline_id as "pipelineId", label, epoch_ms(created_at) as "createdAt", (
            select to_json(list({{
                'stageId': stage_id, 'label': stages.label, 'active': active, 'metadata': {{
                    'isClosed': is_closed::varchar, 'probability': probability::varchar
                }}
            }}))
            from hubspot.deal_pipeline_stage as stages
            where stages.pipeline_id = pipelines.pipeline_id
        ) as stages, {HUBSPOT_AT}
        from hubspot.deal_pipeline as pipelines
        """,
        f"""
        create table hubspot.owners as
        select owner_id::varchar as id, email, active_user_id as "userId",
            created_at at time zone 'UTC' as "createdAt", false as archived,
            to_json([{{'id': team_id::varchar, 'name': name, 'primary': true}}]) as teams,
            owner.{HUBSPOT_AT}
        from hubspot.owner join hubspot.owner_team using (owner_id)
        join hubspot.team on team.id = team_id
        """,
    ]
    for statement in statements:
        connection.execute(statement)
    drop_fivetran(connection)


HUBSPOT_LOAD = "(epoch_ms(_fivetran_synced) / 1000)::decimal(18, 3)::varchar as _dlt_load_id"


def hubspot_as_dlt(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(PRIMARY + COPY_HISTORIES)
    statements = [
        *(
            f"create table hubspot.{plural} as select {key}::varchar as id, "
            f"{deleted} as is_deleted, {object_columns(connection, table, '', HUBSPOT_LOAD)} "
            f"from hubspot.{table}"
            for plural, table, key, deleted in (
                ("deals", "deal", "deal_id", "is_deleted"),
                ("companies", "company", "id", "is_deleted"),
                ("contacts", "contact", "id", "_fivetran_deleted"),
            )
        ),
        *(
            f"create table hubspot.{plural}_property_history as select {table}_id as object_id, "
            "name as property_name, value, timestamp at time zone 'UTC' as \"timestamp\", "
            f"{HUBSPOT_LOAD} from hubspot.{table}_property_history"
            for plural, table in (
                ("deals", "deal"),
                ("companies", "company"),
                ("contacts", "contact"),
            )
        ),
        "create table hubspot.companies__deals as "
        "select company_id::varchar as value, deal_id::varchar as deals_id from hubspot.deal_company",
        "create table hubspot.contacts__deals as "
        "select contact_id::varchar as value, deal_id::varchar as deals_id from hubspot.deal_contact",
        f"create table hubspot.pipelines_deals as select pipeline_id as id, label, "
        f"'p' || pipeline_id as _dlt_id, {HUBSPOT_LOAD} from hubspot.deal_pipeline",
        "create table hubspot.pipelines_deals__stages as select stage_id as id, label, "
        "is_closed::varchar as metadata__is_closed, probability::varchar as metadata__probability, "
        "'p' || pipeline_id as _dlt_parent_id from hubspot.deal_pipeline_stage",
        "create table hubspot.owners as select owner_id::varchar as id, email, "
        "active_user_id as user_id, created_at at time zone 'UTC' as created_at, "
        f"'o' || owner_id as _dlt_id, {HUBSPOT_LOAD} from hubspot.owner",
        "create table hubspot.owners__teams as select team_id::varchar as id, name, "
        "true as \"primary\", 'o' || owner_id as _dlt_parent_id "
        "from hubspot.owner_team join hubspot.team on team.id = team_id",
    ]
    for statement in statements:
        connection.execute(statement)
    drop_fivetran(connection)


def drop_fivetran(connection: duckdb.DuckDBPyConnection) -> None:
    for table in demo_hubspot.TABLES:
        connection.execute(f"drop table hubspot.{table.name}")


@pytest.fixture(scope="module")
def hubspot_landed(
    both_crms: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Warehouse]:
    """Build the small company from HubSpot's tables of each of the other loaders."""
    warehouses = {}
    for loader, rewrite in (("airbyte", hubspot_as_airbyte), ("dlt", hubspot_as_dlt)):
        warehouse = Warehouse(
            tmp_path_factory.mktemp(f"hubspot_{loader}"),
            vars={"crm_sources": ["hubspot"], "hubspot_loader": loader},
        )
        shutil.copy(both_crms.path, warehouse.path)
        with warehouse.connect() as connection:
            rewrite(connection)
        warehouses[loader] = warehouse
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build_and_check, warehouses.values()))
    return warehouses


def without_what_the_loader_lacks(warehouse: Warehouse, relation: str, loader: str) -> Rows:
    if relation == "marts.owners":
        return warehouse.query(f"select * exclude (role) from {relation}")
    if relation == "marts.reconciliation" and loader == "dlt":
        return warehouse.query(
            "select crm, contract_table, rows_published, rows_quarantined "
            f"from {relation} where contract_table <> 'touches'"
        )
    return rows(warehouse, relation)


@pytest.mark.parametrize("loader", ["airbyte", "dlt"])
def test_another_loader_of_hubspot_gives_the_same_marts(
    hubspot: Warehouse, hubspot_landed: dict[str, Warehouse], loader: str
) -> None:
    assert not [
        relation
        for relation in relations(hubspot)
        if not (loader == "dlt" and relation == "crm.crm_touches")
        and comparable(without_what_the_loader_lacks(hubspot_landed[loader], relation, loader))
        != comparable(without_what_the_loader_lacks(hubspot, relation, loader))
    ]


@pytest.mark.postgres
def test_the_contract_of_another_loader_is_the_same_on_postgres(
    hubspot_landed: dict[str, Warehouse],
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for loader, here in hubspot_landed.items():
        schema = f"hubspot_{loader}"
        there = Warehouse(
            tmp_path_factory.mktemp(f"{schema}_on_postgres"),
            vars=here.vars | {"hubspot_schema": schema, "schema_prefix": f"{schema}_"},
            environment=postgres.environment,
        )
        assert contracts_that_differ(here, there, postgres, schema) == []
