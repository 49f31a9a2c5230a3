"""A CRM without any history: what each build sees is recorded, and becomes one."""

from __future__ import annotations

import pytest

from conftest import Warehouse

pytestmark = pytest.mark.dbt

HEADER = "opportunity_id,created_at,stage_name,amount,close_date\n"
MARCH = HEADER + (
    "a,2026-03-05,Qualified,1000,2026-05-01\n"
    "b,2026-03-06,Qualified,500,2026-05-01\n"
    "c,2026-03-07,Qualified,700,2026-05-01\n"
    "w,2024-01-10,Won,400,2024-04-20\n"
    "l,2024-01-11,Lost,300,2024-02-11\n"
)
APRIL = HEADER + (
    "a,2026-03-05,Proposal,1200,2026-06-15\n"
    "b,2026-03-06,Qualified,500,2026-05-01\n"
    "c,2026-03-07,Lost,700,2026-04-20\n"
    "d,2026-04-10,Qualified,900,2026-07-01\n"
    "w,2024-01-10,Won,400,2024-04-20\n"
    "l,2024-01-11,Lost,300,2024-02-11\n"
)
CHANGES = (
    "opportunity_id,changed_at,stage_name,amount,close_date\n"
    "c,2026-03-07,Qualified,700,2026-05-01\nc,2026-04-20,Lost,700,2026-04-20\n"
)
BUILD = (
    "build",
    "--select",
    "+int_opportunities__current",
    "--exclude-resource-type",
    "unit_test",
    "test",
)
HISTORY = """
    select opportunity_id, cast(changed_at as date)::varchar, stage_name, amount::int, history_quality
    from {}.crm_opportunity_changes order by 1, 2
"""
FIRST, SEEN = "first_seen", "snapshot_only"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Files of the end of March and of April; only `c` comes with a history of its own, in April."""
    warehouse = Warehouse(
        tmp_path_factory.mktemp("recorded"),
        vars={"crm_sources": ["flat_file"], "snapshot_crms": ["flat_file"]},
    )
    warehouse.own_seeds()
    folder = warehouse.folder / "exports"
    folder.mkdir()
    for day, opportunities in (("2026-03-31", MARCH), ("2026-04-30", APRIL)):
        (folder / "opportunities.csv").write_text(opportunities)
        if opportunities is APRIL:
            (folder / "opportunity_changes.csv").write_text(CHANGES)
        warehouse.run("reverse-funnel", "load", str(folder), "--as-of", day)
        warehouse.dbt(*BUILD)
    return warehouse


RECORDED = [
    ("a", "2026-03-31", "Qualified", 1000, FIRST),
    ("a", "2026-04-30", "Proposal", 1200, SEEN),
    ("b", "2026-03-31", "Qualified", 500, FIRST),
    ("c", "2026-03-07", "Qualified", 700, "exact"),
    ("c", "2026-04-20", "Lost", 700, "exact"),
    ("d", "2026-04-30", "Qualified", 900, FIRST),
    ("l", "2026-03-31", "Lost", 300, FIRST),
    ("w", "2026-03-31", "Won", 400, FIRST),
]


def test_what_each_load_showed_is_the_history(company: Warehouse) -> None:
    assert company.query(HISTORY.format("crm")) == RECORDED


def test_it_becomes_versions_like_any_other(company: Warehouse) -> None:
    versions = company.query(
        "select cast(versions.valid_from as date)::varchar, stage_number, versions.amount::int "
        "from intermediate.int_opportunities__versioned as versions "
        "inner join crm.crm_opportunities using (opportunity_key) where opportunity_id = 'a' and is_change "
        "order by 1"
    )
    assert [row[0] for row in versions] == ["2026-03-05", "2026-04-30"]
    assert versions[0][1] < versions[1][1]
    assert [row[2] for row in versions] == [1000, 1200]


def test_what_was_closed_before_anybody_looked_is_not_of_the_day_of_the_first_look(
    company: Warehouse,
) -> None:
    assert company.query(
        "select opportunity_id, cast(qualified_at as date)::varchar, closed_on::varchar "
        "from intermediate.int_opportunities__current "
        "inner join crm.crm_opportunities using (opportunity_key) order by 1"
    ) == [
        ("a", "2026-03-05", None),
        ("b", "2026-03-06", None),
        ("c", "2026-03-07", "2026-04-20"),
        ("d", "2026-04-10", None),
        ("l", "2024-01-11", "2024-02-11"),
        ("w", "2024-01-10", "2024-04-20"),
    ]


def test_a_build_without_news_records_nothing(company: Warehouse) -> None:
    company.dbt(*BUILD)
    assert company.query(HISTORY.format("crm")) == RECORDED


def test_an_earlier_day_reads_what_had_been_recorded_and_records_nothing(
    company: Warehouse,
) -> None:
    before = company.query("select count(*) from snapshots.opportunity_states")
    company.vars = {**company.vars, "as_of_date": "2026-04-10"}
    company.dbt(*BUILD)
    assert company.query("select count(*) from snapshots.opportunity_states") == before
    found = company.query(
        "select count(*) from intermediate_as_of_20260410.int_opportunities__versioned as versions "
        "inner join crm_as_of_20260410.crm_opportunities using (opportunity_key) "
        "where opportunity_id = 'a' and is_change"
    )
    assert found == [(1,)]
