"""Columns that a company names in its configuration are published beside its records, as they are."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import PostgresServer, Warehouse, contracts_that_differ

pytestmark = pytest.mark.dbt

SALT = "unified-pipeline-demo"
FIELDS: dict[str, Any] = {
    "crm_sources": ["salesforce", "hubspot"],
    # each in the spelling of another loader
    "salesforce_passthrough_columns": {
        "opportunity": [
            {"name": "ARR__c", "alias": "arr"},
            {"name": "is_strategic_c", "alias": "is_strategic"},
            {"name": "champion__c", "alias": "champion", "personal": True},
            {"name": "Next_Review__c"},
            {"name": "Not_There__c", "alias": "not_there"},
        ],
        "lead": [{"name": "Persona__c", "alias": "persona"}],
        "account": [{"name": "health_c", "alias": "health"}],
    },
    "hubspot_passthrough_columns": {
        "opportunity": [
            {"name": "property_arr", "alias": "arr"},
            {"name": "properties_competitor", "alias": "competitor"},
        ],
        "account": [{"name": "health", "alias": "health"}],
    },
}
NAMES = {
    "fivetran": {
        "opportunity": "opportunity",
        "lead": "lead",
        "account": "account",
        "columns": "id, stage_name, amount, created_date, last_modified_date, arr_c, is_strategic_c, "
        "champion_c, next_review_c",
        "persona": "persona_c",
        "health": "health_c",
        "deal": "deal",
        "company": "company",
        "deal_columns": "deal_id, property_createdate, property_hs_lastmodifieddate, property_arr, "
        "property_competitor",
        "company_columns": "id, property_health",
    },
    "airbyte": {
        "opportunity": '"Opportunity"',
        "lead": '"Lead"',
        "account": '"Account"',
        "columns": '"Id", "StageName", "Amount", "CreatedDate", "LastModifiedDate", "ARR__c", '
        '"Is_Strategic__c", "Champion__c", "Next_Review__c"',
        "persona": '"Persona__c"',
        "health": '"Health__c"',
        "deal": "deals",
        "company": "companies",
        "deal_columns": "id, properties_createdate, properties_hs_lastmodifieddate, properties_arr, "
        "properties_competitor",
        "company_columns": "id, properties_health",
    },
    "dlt": {
        "opportunity": "opportunity",
        "lead": "lead",
        "account": "account",
        "columns": "id, stage_name, amount, created_date, last_modified_date, arr__c, is_strategic__c, "
        "champion__c, next_review__c",
        "persona": "persona__c",
        "health": "health__c",
        "deal": "deals",
        "company": "companies",
        "deal_columns": "id, createdate, hs_lastmodifieddate, arr, competitor",
        "company_columns": "id, health",
    },
}
# An opportunity came twice; the row that was changed last counts, even where it is empty.
LANDED = """
    create schema salesforce;
    create schema hubspot;
    create table salesforce.{opportunity} as
    select * from (values
        ('006a', 'Proposal', 10, timestamp '2024-01-01', timestamp '2024-02-01', 120.5::double, true,
            'Ada@Example.org', date '2024-09-01'),
        ('006a', 'Proposal', 10, timestamp '2024-01-01', timestamp '2024-01-15', 99.0, false, 'Bo@example.org', null),
        ('006b', 'Proposal', 20, timestamp '2024-01-01', timestamp '2024-02-01', null, null, null, null)
    ) as t ({columns});
    create table salesforce.{lead} as
    select * from (values ('00Qa', timestamp '2024-01-01', 'Buyer')) as t (id, created_date, {persona});
    create table salesforce.{account} as
    select * from (values ('001a', 'green'), ('001b', null)) as t (id, {health});
    create table hubspot.{deal} as
    select * from (values
        ('1', timestamp '2024-01-01', timestamp '2024-02-01', 7, 'Acme', '[]', '[]')
    ) as t ({deal_columns}, companies, contacts);
    create table hubspot.{company} as select * from (values ('9', 'red')) as t ({company_columns});
"""
CONTRACT = (
    "+crm_opportunity_custom_fields",
    "+crm_lead_custom_fields",
    "+crm_account_custom_fields",
)


def landed(folder: Any, loader: str, **variables: Any) -> Warehouse:
    warehouse = Warehouse(
        folder,
        vars=FIELDS | {"salesforce_loader": loader, "hubspot_loader": loader} | variables,
    )
    warehouse.profiles_dir()
    with warehouse.connect() as connection:
        connection.execute(LANDED.format(**NAMES[loader]))
    return warehouse


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Warehouse]:
    """Land one company in two CRMs by each loader, and build its contract; of the first the marts, too."""
    warehouses = {
        loader: landed(tmp_path_factory.mktemp(f"custom_{loader}"), loader) for loader in NAMES
    }
    warehouses["fivetran"].own_seeds()

    def build(loader: str) -> None:
        marts = ("+opportunity_custom_fields", "+account_custom_fields", "+source_gaps")
        select = (*CONTRACT, *marts) if loader == "fivetran" else CONTRACT
        warehouses[loader].dbt(
            "build", "--select", *select, "--exclude-resource-type", "unit_test", "test"
        )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, warehouses))
    return warehouses


@pytest.mark.parametrize("loader", NAMES)
def test_fields_are_found_in_every_loaders_spelling(
    companies: dict[str, Warehouse], loader: str
) -> None:
    hashed = hashlib.md5(f"ada@example.org{SALT}".encode()).hexdigest()
    there = companies[loader]
    assert there.query(
        "select opportunity_id, crm, arr, is_strategic, champion, next_review__c::varchar, not_there, "
        "competitor from crm.crm_opportunity_custom_fields order by crm desc, 1"
    ) == [
        ("006a", "salesforce", 120.5, True, hashed, "2024-09-01", None, None),
        ("006b", "salesforce", None, None, None, None, None, None),
        ("1", "hubspot", 7, None, None, None, None, "Acme"),
    ]
    assert there.query("select lead_id, persona from crm.crm_lead_custom_fields") == [
        ("00Qa", "Buyer")
    ]
    assert there.query(
        "select account_id, crm, health from crm.crm_account_custom_fields order by 1"
    ) == [("001a", "salesforce", "green"), ("001b", "salesforce", None), ("9", "hubspot", "red")]


def test_fields_keep_their_types(companies: dict[str, Warehouse]) -> None:
    """Numbers of two CRMs meet in the wider one; a field that is nowhere is text."""
    types = dict(
        companies["fivetran"].query(
            "select column_name, data_type from information_schema.columns "
            "where table_name = 'opportunity_custom_fields' and table_schema = 'marts'"
        )
    )
    assert types == {
        "opportunity_key": "BIGINT",
        "opportunity_id": "VARCHAR",
        "crm": "VARCHAR",
        "arr": "DOUBLE",
        "is_strategic": "BOOLEAN",
        "champion": "VARCHAR",
        "next_review__c": "DATE",
        "not_there": "VARCHAR",
        "competitor": "VARCHAR",
    }


def test_marts_have_a_row_for_each_record(companies: dict[str, Warehouse]) -> None:
    there = companies["fivetran"]
    assert there.query(
        "select crm, opportunity_id, arr from marts.opportunities "
        "join marts.opportunity_custom_fields using (opportunity_key, opportunity_id, crm) order by 1, 2"
    ) == [("hubspot", "1", 7), ("salesforce", "006a", 120.5), ("salesforce", "006b", None)]
    assert there.query(
        "select count(*), count(health) from marts.accounts "
        "join marts.account_custom_fields using (crm, account_id)"
    ) == [(3, 2)]


def test_a_field_that_was_not_landed_is_a_gap_and_no_error(companies: dict[str, Warehouse]) -> None:
    assert companies["fivetran"].query(
        "select crm, raw_table, raw_column, is_required from marts.source_gaps where without_it like '%custom field%'"
    ) == [("salesforce", "opportunity", "Not_There__c", False)]


def test_without_configuration_there_are_keys_alone(demo: Warehouse) -> None:
    assert demo.query(
        "select count(*), min(columns) from (from marts.opportunity_custom_fields), "
        "(select count(*) as columns from information_schema.columns where table_schema = 'marts' "
        "and table_name = 'opportunity_custom_fields')"
    ) == [(4000, 3)]


def test_types_that_do_not_go_together_are_named(companies: dict[str, Warehouse]) -> None:
    there = companies["fivetran"]
    with there.connect() as connection:
        connection.execute("drop schema staging cascade; drop schema crm cascade")
        connection.execute("alter table hubspot.deal alter property_arr set data type varchar")
    done = there.dbt("run", "--select", CONTRACT[0], check=False)
    assert done.returncode
    said = " ".join(done.stdout.split())
    assert (
        "the custom field 'arr' (opportunity) is DOUBLE in salesforce and character varying(256) in hubspot"
        in said
    )
    assert "salesforce_passthrough_columns or hubspot_passthrough_columns" in said


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        ({"deal": []}, "names 'deal'; known are opportunity, lead, account"),
        ({"lead": ["Persona__c"]}, "lead: Persona__c is not written like {name: ARR__c"),
        ({"lead": [{"alias": "persona"}]}, "of which name is needed"),
        ({"lead": [{"name": "a", "type": "text"}]}, "is not written like"),
        ({"lead": [{"name": "Big Deal?"}]}, "'big deal?' cannot name a column"),
        (
            {"lead": [{"name": "a__c", "alias": "a"}, {"name": "b__c", "alias": "a"}]},
            "'a' is taken; give b__c another alias",
        ),
        ({"lead": [{"name": "crm"}]}, "'crm' is taken"),
    ],
)
def test_what_is_written_wrongly_is_said(
    tmp_path: Any, configured: dict[str, Any], said: str
) -> None:
    warehouse = Warehouse(tmp_path)
    variables = json.dumps({"salesforce_passthrough_columns": configured})
    done = warehouse.dbt("parse", "--vars", variables, check=False)
    assert done.returncode
    assert said in " ".join(done.stdout.split())


@pytest.mark.postgres
def test_the_fields_are_the_same_on_postgres(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    only = {"crm_sources": ["salesforce"]}
    here = landed(tmp_path_factory.mktemp("custom_here"), "airbyte", **only)
    here.dbt("run", "--select", "path:models/staging", "path:models/crm")
    schema = "salesforce_custom"
    there = Warehouse(
        tmp_path_factory.mktemp("custom_there"),
        vars=here.vars | {"salesforce_schema": schema, "schema_prefix": f"{schema}_"},
        environment=postgres.environment,
    )
    assert contracts_that_differ(here, there, postgres, schema, crm="salesforce") == []
