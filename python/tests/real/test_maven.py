"""Maven's fictitious computer seller, through flat files: the published figures come out."""

from __future__ import annotations

import duckdb
import pytest

from conftest import SHARED_DATA, Warehouse

MAVEN = SHARED_DATA / "maven_crm"

pytestmark = [
    pytest.mark.real,
    pytest.mark.dbt,
    pytest.mark.skipif(not MAVEN.exists(), reason="the Maven data set is not beside the checkout"),
]

# How this company's export is read: one file of the contract each. Deals that are not won have
# no value of their own and are taken at list price.
FILES = {
    "opportunities": """
        select
            opportunity_id,
            engage_date as created_at,
            deal_stage as stage_name,
            case when deal_stage = 'Won' then close_value else sales_price end as amount,
            close_date,
            account as account_id,
            sales_agent as owner_id,
            'New Business' as deal_type
        from read_csv('{folder}/sales_pipeline.csv') as deals
        left join read_csv('{folder}/products.csv') as products
            on case deals.product when 'GTXPro' then 'GTX Pro' else deals.product end = products.product
    """,
    "accounts": """
        select account as account_id, account as name, employees, office_location as country, sector as industry
        from read_csv('{folder}/accounts.csv')
    """,
    "users": """
        select sales_agent as user_id, sales_agent as name, regional_office as team, 'AE' as role, manager as manager_id
        from read_csv('{folder}/sales_teams.csv')
    """,
}

STAGES = """crm,pipeline,stage_name,stage_number,stage_label,valid_from,valid_to
flat_file,*,Prospecting,1,Prospecting,,
flat_file,*,Engaging,2,Engaging,,
flat_file,*,Won,90,Won,,
flat_file,*,Lost,91,Lost,,
"""


@pytest.fixture(scope="module")
def maven(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("maven")
    exports = folder / "exports"
    exports.mkdir()
    for name, query in FILES.items():
        duckdb.sql(f"copy ({query.format(folder=MAVEN)}) to '{exports}/{name}.csv'")
    warehouse = Warehouse(folder, vars={"crm_sources": ["flat_file"]})
    warehouse.own_seeds(stage_map=STAGES)
    warehouse.run("reverse-funnel", "load", str(exports), "--as-of", "2017-12-31")
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    return warehouse


def test_nothing_is_lost(maven: Warehouse) -> None:
    """500 prospects carry no date at all: they wait in quarantine, with their reason."""
    assert maven.query(
        "select rows_in, rows_published, rows_quarantined, rows_superseded "
        "from marts.reconciliation where contract_table = 'opportunities'"
    ) == [(8800, 8300, 500, 0)]
    assert maven.query("select distinct contract_table, reason from marts.quarantine") == [
        ("opportunities", "missing_created_at")
    ]


def test_outcomes_are_the_published_ones(maven: Warehouse) -> None:
    won, lost, still_open, won_amount = maven.query(
        "select count(*) filter (outcome = 'won'), count(*) filter (outcome = 'lost'), "
        "count(*) filter (outcome = 'open'), sum(amount) filter (outcome = 'won') "
        "from marts.opportunities"
    )[0]
    assert (won, lost, still_open, won_amount) == (4238, 2473, 1589, 10_005_534)
    assert won / (won + lost) == pytest.approx(0.631501, abs=1e-6)  # the period win rate


def test_median_days_to_won(maven: Warehouse) -> None:
    assert (
        maven.value(
            "select median(date_diff('day', created_at, closed_on)) from marts.opportunities "
            "where outcome = 'won'"
        )
        == 57
    )


def test_wins_by_close_quarter(maven: Warehouse) -> None:
    assert maven.query(
        "select fiscal_quarter, count(*), sum(amount)::integer from marts.opportunities "
        "join marts.fiscal_calendar on closed_on = date_day where outcome = 'won' group by 1 order by 1"
    ) == [
        ("FY2017-Q1", 531, 1_134_672),
        ("FY2017-Q2", 1254, 3_086_111),
        ("FY2017-Q3", 1257, 2_982_255),
        ("FY2017-Q4", 1196, 2_802_496),
    ]


def test_wins_by_region(maven: Warehouse) -> None:
    assert maven.query(
        "select team, count(*) filter (outcome = 'won'), "
        "count(*) filter (outcome in ('won', 'lost')), sum(amount) filter (outcome = 'won')::integer "
        "from marts.opportunities join marts.owners on owner_id = owner_id_as_of "
        "group by 1 order by 1"
    ) == [
        ("Central", 1629, 2604, 3_346_293),
        ("East", 1171, 1858, 3_090_594),
        ("West", 1438, 2249, 3_568_647),
    ]


def test_pipeline_created_by_quarter_is_the_engage_cohort(maven: Warehouse) -> None:
    assert maven.query(
        "select fiscal_quarter, count(*), count(*) filter (outcome = 'won') "
        "from marts.pipeline_created group by 1 order by 1"
    ) == [
        ("FY2016-Q4", 358, 250),
        ("FY2017-Q1", 1619, 898),
        ("FY2017-Q2", 2388, 1246),
        ("FY2017-Q3", 2770, 1207),
        ("FY2017-Q4", 1165, 637),
    ]


def test_open_pipeline_at_list_price(maven: Warehouse) -> None:
    assert maven.query(
        "select count(*), sum(amount)::integer from marts.opportunities where outcome = 'open'"
    ) == [(1589, 3_892_229)]


def test_the_build_is_of_the_data_s_own_day(maven: Warehouse) -> None:
    assert str(maven.value("select as_of_date from intermediate.int_as_of")) == "2017-12-31"
