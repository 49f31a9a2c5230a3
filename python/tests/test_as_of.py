"""The past can be rebuilt: as of a day, only what was recorded by then counts."""

from __future__ import annotations

import shutil

import pytest

from conftest import ROOT, Warehouse, comparable

pytestmark = pytest.mark.dbt

DAY = "2026-03-31"
CUTOFF = "timestamp '2026-04-01'"

# The CRM as it stood at the end of that day: rows recorded later are gone, and rows changed later
# are what their history says they were.
ROLL_BACK = f"""
create or replace temp table later_fields as
    select 'opportunity' as entity, opportunity_id as entity_id, field,
        arg_min(old_value, (created_date, id)) as value
    from salesforce.opportunity_field_history
    where created_date >= {CUTOFF} and (field <> 'Owner' or data_type = 'EntityId')
    group by opportunity_id, field
    union all
    select 'account', account_id, field, arg_min(old_value, (created_date, id))
    from salesforce.account_history where created_date >= {CUTOFF} group by account_id, field;

delete from salesforce.opportunity where created_date >= {CUTOFF};
update salesforce.opportunity set is_deleted = false
    where is_deleted and last_modified_date >= {CUTOFF};
update salesforce.opportunity as o set owner_id = f.value
    from later_fields f where f.entity_id = o.id and f.field = 'Owner';
update salesforce.opportunity as o set lead_source = f.value
    from later_fields f where f.entity_id = o.id and f.field = 'LeadSource';
update salesforce.opportunity as o set type = f.value
    from later_fields f where f.entity_id = o.id and f.field = 'Type';
update salesforce.account as a set number_of_employees = f.value::integer
    from later_fields f where f.entity_id = a.id and f.field = 'NumberOfEmployees';
update salesforce.account as a set billing_country = f.value
    from later_fields f where f.entity_id = a.id and f.field = 'BillingCountry';

delete from salesforce.opportunity_history where created_date >= {CUTOFF};
delete from salesforce.opportunity_field_history where created_date >= {CUTOFF};
delete from salesforce.account_history where created_date >= {CUTOFF};
update salesforce.opportunity as o
set stage_name = h.stage_name, amount = h.amount, close_date = h.close_date,
    is_closed = false, is_won = false, last_modified_date = h.created_date
from (
    select opportunity_id, max_by(h, (created_date, id)) as last
    from salesforce.opportunity_history as h group by opportunity_id
) as latest, lateral (select unnest(latest.last)) as h
where o.id = latest.opportunity_id and o.last_modified_date >= {CUTOFF};

delete from salesforce.lead where created_date >= {CUTOFF};
delete from salesforce.lead_history where created_date >= {CUTOFF};
update salesforce.lead set is_converted = false, converted_date = null
    where converted_date >= {CUTOFF}::date;
"""
# Records that were put into the bin after that day, which Salesforce does not call a modification.
DELETED_SINCE = f"""
update salesforce.opportunity set is_deleted = true,
    system_modstamp = timestamp '2026-08-30 12:00:00',
    _fivetran_synced = timestamp '2026-08-30 13:00:00'
where not is_deleted and last_modified_date < {CUTOFF} and id like '%7'
"""
# Columns that speak of today on purpose: the name says so, or it is the key of the day itself.
MARTS = {
    "pipeline_created": "opportunity_id, qualified_at, fiscal_month, segment, deal_type, territory, "
    "pipeline_source, owner_id, created_amount, amount_flag, current_amount, outcome, closed_on",
    "pipeline_created_vs_target": "*",
    "pipeline_created_weekly": "*",
    "pipeline_coverage": "*",
    "pipeline_waterfall": "*",
    "week3_conversion": "*",
    "starting_coverage_forecast": "*",
    "gap_options": "*",
    "quarter_results": "*",
    "gtm_diagnosis": "*",
    "pipeline_shift": "*",
    "assumptions": "*",
    "win_curve": "*",
    "stage_conversion": "*",
    "cohort_maturation": "*",
    "seasonality": "*",
    "sales_velocity": "*",
    "amount_growth": "*",
    "source_efficiency": "*",
    "bookings_outlook": "*",
    "forecasts": "*",
    "forecast_accuracy": "*",
    "forecast_accuracy_summary": "*",
    "assumption_drift": "*",
    "bookings_variance": "*",
    "capacity": "*",
    "creation_outlook": "*",
    "creation_yield": "*",
    "fiscal_calendar": "*",
    "pipeline_outlook": "*",
    "quotas": "*",
    "sensitivity": "*",
    "target_vintages": "*",
    "viability": "*",
}
# This company has no plan, no recorded forecasts and, in spring, no gap.
EMPTY = {
    "gap_options",
    "forecast_accuracy",
    "forecast_accuracy_summary",
    "assumption_drift",
    "quotas",
    "target_vintages",
}
# Of the CRM's tables as they are, not of the pipeline: rolling back does not undo every column of
# them, and what was faulty is another count of rows.
OF_THE_CRM = {
    "account_custom_fields",
    "accounts",
    "data_quality",
    "data_quality_findings",
    "data_quality_summary",
    "history_sources",
    "opportunities",
    "opportunity_custom_fields",
    "owners",
    "quarantine",
    "reconciliation",
    "source_gaps",
}


@pytest.fixture(scope="module")
def then_and_now(
    demo: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Warehouse, Warehouse]:
    """Build the CRM as it stood then, and today's CRM as of then."""
    folders = [tmp_path_factory.mktemp(name) for name in ("then", "now")]
    then, now = Warehouse(folders[0]), Warehouse(folders[1], vars={"as_of_date": DAY})
    for warehouse in (then, now):
        warehouse.own_seeds()
        shutil.copy(demo.path, warehouse.path)
    with then.connect() as connection:
        connection.execute(ROLL_BACK)
    with now.connect() as connection:
        deleted = connection.execute(DELETED_SINCE).fetchone()
    assert deleted
    assert deleted[0] > 100
    then.vars = {"as_of_date": DAY}
    # Both have the same marts, so one of them is enough for the data tests.
    then.dbt("build", "--exclude-resource-type", "unit_test", "test")
    now.dbt("build", "--exclude-resource-type", "unit_test")
    return then, now


def test_every_mart_is_looked_at() -> None:
    marts = {path.stem for path in (ROOT / "models" / "marts").rglob("*.sql")}
    assert marts == set(MARTS) | OF_THE_CRM


@pytest.mark.parametrize("mart", MARTS)
def test_a_past_day_rebuilt_today_is_what_it_was_then(
    then_and_now: tuple[Warehouse, Warehouse], mart: str
) -> None:
    then, now = then_and_now
    query = f"select {MARTS[mart]} from marts_as_of_20260331.{mart}"
    expected = comparable(then.query(query))
    assert bool(expected) != (mart in EMPTY)
    assert comparable(now.query(query)) == expected


def test_an_earlier_day_leaves_the_daily_tables_alone(
    demo: Warehouse, then_and_now: tuple[Warehouse, Warehouse]
) -> None:
    query = "select * from marts.pipeline_created"
    assert comparable(then_and_now[1].query(query)) == comparable(demo.query(query))


def test_nothing_later_than_the_day_is_counted(
    then_and_now: tuple[Warehouse, Warehouse],
) -> None:
    now = then_and_now[1]
    latest = now.query(
        "select max(qualified_at) < timestamp '2026-04-01', max(closed_on) <= date '2026-03-31' "
        "from marts_as_of_20260331.pipeline_created"
    )
    assert latest == [(True, True)]
