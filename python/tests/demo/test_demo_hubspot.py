"""HubSpot's tables hold the company that Salesforce's hold."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from reverse_funnel.demo import DemoConfig, build_demo
from reverse_funnel.demo.hubspot_tables import COMPANY, CONTACT, DEAL, OWNER

SIZE = 400


@pytest.fixture(scope="module")
def both() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    build_demo(connection, DemoConfig(opportunities=SIZE, seed=5, crm="both"), truth_path=None)
    yield connection
    connection.close()


def value(connection: duckdb.DuckDBPyConnection, sql: str) -> object:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("table", "key", "base", "other"),
    [
        ("deal", "deal_id", DEAL, "opportunity"),
        ("company", "id", COMPANY, "account"),
        ("contact", "id", CONTACT, "lead"),
        ("owner", "owner_id", OWNER, "user"),
    ],
)
def test_each_object_is_one_of_salesforce(
    both: duckdb.DuckDBPyConnection, table: str, key: str, base: int, other: str
) -> None:
    unmatched = value(
        both,
        f'select count(*) from hubspot.{table} full join salesforce."{other}" as other '
        f"on {table}.{key} - {base} = right(other.id, 15)::bigint "
        f"where {table}.{key} is null or other.id is null",
    )
    assert unmatched == 0
    assert value(both, f"select count(*) from hubspot.{table}") != 0


@pytest.mark.parametrize(
    ("table", "key", "target", "target_key"),
    [
        ("deal_company", "company_id", "company", "id"),
        ("deal_company", "deal_id", "deal", "deal_id"),
        ("deal_contact", "contact_id", "contact", "id"),
        ("deal_contact", "deal_id", "deal", "deal_id"),
        ("deal", "owner_id", "owner", "owner_id"),
        ("deal_property_history", "deal_id", "deal", "deal_id"),
        ("contact_property_history", "contact_id", "contact", "id"),
        ("engagement_contact", "contact_id", "contact", "id"),
        ("engagement_deal", "engagement_id", "engagement", "id"),
        ("owner_team", "team_id", "team", "id"),
        ("users", "role_id", "role", "id"),
    ],
)
def test_every_reference_has_its_row(
    both: duckdb.DuckDBPyConnection, table: str, key: str, target: str, target_key: str
) -> None:
    assert value(both, f"select count(*) from hubspot.{table}") != 0
    loose = value(
        both,
        f"select count(*) from hubspot.{table} "
        f"where {key} not in (select {target_key} from hubspot.{target})",
    )
    assert loose == 0


@pytest.mark.parametrize(
    ("name", "now"),
    [
        ("amount", "coalesce(property_amount::varchar, '')"),
        ("closedate", "epoch_ms(property_closedate)::varchar"),
        ("hubspot_owner_id", "owner_id::varchar"),
        ("dealtype", "property_dealtype"),
        ("lead_source", "property_lead_source"),
        ("pipeline", "deal_pipeline_id"),
        ("hs_exchange_rate", "property_hs_exchange_rate::varchar"),
    ],
)
def test_the_last_value_of_a_property_is_the_deals_own(
    both: duckdb.DuckDBPyConnection, name: str, now: str
) -> None:
    differing = value(
        both,
        f"""
        select count(*)
        from hubspot.deal
        left join (
            select deal_id, arg_max(value, timestamp) as value
            from hubspot.deal_property_history where name = '{name}' group by deal_id
        ) as last using (deal_id)
        where coalesce(last.value, '') <> {now}
        """,
    )
    assert differing == 0


def test_a_deal_entered_the_stage_it_is_in(both: duckdb.DuckDBPyConnection) -> None:
    """But for the deals whose stage was deleted after they had entered it."""
    differing = both.execute(
        "select distinct deal_stage.value from hubspot.deal join hubspot.deal_stage using (deal_id) "
        "where _fivetran_active and deal_pipeline_stage_id <> deal_stage.value"
    ).fetchall()
    deleted = both.execute(
        "select distinct stage_id from hubspot.deal_pipeline_stage where _fivetran_deleted"
    ).fetchall()
    assert set(differing) <= set(deleted)
    assert len(deleted) == 1


def test_a_stage_id_means_different_things_in_two_pipelines(
    both: duckdb.DuckDBPyConnection,
) -> None:
    assert both.execute(
        "select count(*) > 0 from hubspot.deal_pipeline_stage as a join hubspot.deal_pipeline_stage as b "
        "using (stage_id) where a.pipeline_id < b.pipeline_id and a.label <> b.label"
    ).fetchone() == (True,)


def test_hubspot_alone_is_what_it_is_beside_salesforce(both: duckdb.DuckDBPyConnection) -> None:
    alone = duckdb.connect()
    summary = build_demo(
        alone, DemoConfig(opportunities=SIZE, seed=5, crm="hubspot"), truth_path=None
    )
    assert summary.schema == "hubspot"
    for table in ("deal", "deal_property_history", "contact"):
        query = f"select bit_xor(hash(t)) from hubspot.{table} as t"
        assert value(alone, query) == value(both, query)
        assert summary.rows[table] == value(both, f"select count(*) from hubspot.{table}")
