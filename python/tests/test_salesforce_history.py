"""Histories of Salesforce that stand in for OpportunityHistory give the marts that it gives.

A simulated company's OpportunityHistory is turned into OpportunityFieldHistory, or into the versions that
Fivetran's history mode keeps, and taken away; everything built from it must stay as it was.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import (
    PostgresServer,
    Rows,
    Warehouse,
    comparable,
    contracts_that_differ,
    simulate,
)

pytestmark = pytest.mark.dbt

DEALS = 600

# A field without any recorded change is as it is today, so the company's records must not have been
# changed behind their history. Of several states in one second only the last can be known of fields.
ALIGNED = """
    delete from salesforce.opportunity_history where id in (
        select id from salesforce.opportunity_history
        qualify row_number() over (partition by opportunity_id, created_date order by id desc) > 1
    );
    update salesforce.opportunity as o
    set stage_name = last.stage_name, amount = last.amount, close_date = last.close_date
    from (
        from salesforce.opportunity_history
        qualify row_number() over (partition by opportunity_id order by created_date desc, id desc) = 1
    ) as last
    where last.opportunity_id = o.id;
"""
# What Salesforce would have written into OpportunityFieldHistory, by field, with all of them tracked.
FIELD_HISTORY = """
    create temp table steps as
    select *,
        row_number() over w as step,
        lag(stage_name) over w as old_stage_name,
        lag(amount) over w as old_amount,
        lag(close_date) over w as old_close_date
    from salesforce.opportunity_history
    window w as (partition by opportunity_id order by created_date, id);
    insert into salesforce.opportunity_field_history by name
    select
        '017s' || right(id, 13) || number as id, opportunity_id, created_by_id, created_date, field,
        old_value, new_value, false as is_deleted, _fivetran_synced
    from (
        select *, 'c' as number, 'created' as field, null as old_value, null as new_value
        from steps where step = 1
        union all
        select *, 's', 'StageName', old_stage_name, stage_name
        from steps where step > 1 and stage_name is distinct from old_stage_name
        union all
        select *, 'a', 'Amount', old_amount::varchar, amount::varchar
        from steps where step > 1 and amount is distinct from old_amount
        union all
        select *, 'd', 'CloseDate', old_close_date::varchar, close_date::varchar
        from steps where step > 1 and close_date is distinct from old_close_date
    ) as changes;
    drop table steps;
"""
HALF = "right(opportunity_id, 3)::integer % 2 = 0"
# Of every second opportunity both histories are there, and that of the fields is wrong.
MIXED = f"""
    {FIELD_HISTORY}
    delete from salesforce.opportunity_history where not ({HALF});
    update salesforce.opportunity_field_history set old_value = 'Nowhere', new_value = 'Nowhere'
    where field = 'StageName' and {HALF};
"""
ONLY_STAGES = f"""
    {FIELD_HISTORY}
    drop table salesforce.opportunity_history;
    delete from salesforce.opportunity_field_history where field in ('Amount', 'CloseDate', 'created');
"""
# Each state is a version of the opportunity; of a deleted one no version is active any more.
VERSIONS = """
    create temp table versions as
    select o.* exclude (stage_name, amount, close_date, is_deleted, last_modified_date, _fivetran_synced),
        h.stage_name, h.amount, h.close_date, false as is_deleted,
        case when next_date is null and not o.is_deleted then o.last_modified_date else h.created_date end
            as last_modified_date,
        o._fivetran_synced,
        next_date is null and not o.is_deleted as _fivetran_active,
        h.created_date as _fivetran_start,
        case when next_date is not null then next_date - interval 1 millisecond
            when o.is_deleted then o.last_modified_date
            else timestamp '9999-12-31 23:59:59' end as _fivetran_end
    from salesforce.opportunity as o
    join (
        select *, lead(created_date) over (partition by opportunity_id order by created_date) as next_date
        from salesforce.opportunity_history
    ) as h on h.opportunity_id = o.id;
    drop table salesforce.opportunity;
    create table salesforce.opportunity as from versions;
    drop table salesforce.opportunity_history;
"""
# Other tables in history mode: a version before, in which something else stood, loaded at the same time.
OTHER_VERSIONS = {
    "account": "number_of_employees = 1, name = 'Before'",
    "lead": "status = 'Before', converted_opportunity_id = null",
    '"user"': "department = 'Before'",
    "user_role": "name = 'Zzz before'",
    "record_type": "name = 'Zzz before'",
    "dated_conversion_rate": "next_start_date = date '9999-12-31', conversion_rate = 1000",
    "task": "status = 'Before', completed_date_time = completed_date_time - interval 300 day",
    "event": "start_date_time = start_date_time - interval 300 day",
}


def with_versions(table: str, before: str) -> str:
    return f"""
        alter table salesforce.{table} add column _fivetran_active boolean;
        alter table salesforce.{table} add column _fivetran_start timestamp;
        alter table salesforce.{table} add column _fivetran_end timestamp;
        update salesforce.{table} set _fivetran_active = true,
            _fivetran_start = timestamp '2022-01-01', _fivetran_end = timestamp '9999-12-31';
        create or replace temp table older as from salesforce.{table};
        update older set {before}, _fivetran_active = false, _fivetran_start = timestamp '2021-01-01',
            _fivetran_end = timestamp '2021-12-31';
        insert into salesforce.{table} from older;
    """


HISTORIES = {
    "states": "",
    "fields": f"{FIELD_HISTORY} drop table salesforce.opportunity_history;",
    "mixed": MIXED,
    "versions": VERSIONS
    + "".join(with_versions(table, before) for table, before in OTHER_VERSIONS.items()),
    "only_stages": ONLY_STAGES,
}
# They tell of the raw tables, not of the pipeline.
OF_THE_CRM = {
    "data_quality",
    "data_quality_findings",
    "data_quality_summary",
    "history_sources",
    "reconciliation",
    "source_gaps",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Warehouse]:
    """Build one company from each of its histories."""
    landed = Warehouse(tmp_path_factory.mktemp("landed"))
    simulate(landed, opportunities=DEALS, seed=17)
    with landed.connect() as connection:
        connection.execute(ALIGNED)
    warehouses = {}
    for name, sql in HISTORIES.items():
        warehouse = warehouses[name] = Warehouse(tmp_path_factory.mktemp(name))
        warehouse.own_seeds()
        shutil.copy(landed.path, warehouse.path)
        with warehouse.connect() as connection:
            connection.execute(sql)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, warehouses.values()))
    return warehouses


# Of the others the contract is looked at, and what the quality marts say of it.
BUILT_WHOLE = ("states", "fields", "versions")


def build(warehouse: Warehouse) -> None:
    whole = warehouse.folder.name.startswith(BUILT_WHOLE)
    select = () if whole else ("--select", "+data_quality", "+history_sources", "+reconciliation")
    warehouse.dbt("build", *select, "--exclude-resource-type", "unit_test", "test")


def marts(warehouse: Warehouse) -> list[str]:
    tables = warehouse.query(
        "select table_name from information_schema.tables where table_schema = 'marts'"
    )
    assert len(tables) > 25
    return [name for (name,) in tables if name not in OF_THE_CRM]


@pytest.mark.parametrize("history", ["fields", "versions"])
def test_another_history_gives_the_same_marts(built: dict[str, Warehouse], history: str) -> None:
    query = "from marts.{}".format
    assert not [
        mart
        for mart in marts(built["states"])
        if comparable(built[history].query(query(mart)))
        != comparable(built["states"].query(query(mart)))
    ]


STATES = """
    select opportunity_id, changed_at, stage_name, amount, close_date
    from crm.crm_opportunity_changes where {} order by 1, 2
"""


@pytest.mark.parametrize("history", ["fields", "mixed"])
def test_every_state_is_the_one_the_other_history_has(
    built: dict[str, Warehouse], history: str
) -> None:
    """Of changes, and of the creation; OpportunityHistory also has rows in which nothing of them changed."""
    changed = """
        select opportunity_id, changed_at, stage_name, amount, close_date from (
            select *, lag((stage_name, amount, close_date)) over w as before, row_number() over w as step
            from ({}) window w as (partition by opportunity_id order by changed_at)
        ) where step = 1 or (stage_name, amount, close_date) is distinct from before order by 1, 2
    """
    expected = built["states"].query(changed.format(STATES.format("true")))
    assert len(expected) > 2500
    assert built[history].query(changed.format(STATES.format("true"))) == expected


def qualities(warehouse: Warehouse) -> Rows:
    return warehouse.query(
        "select history_source, history_quality, count(distinct opportunity_id) "
        "from crm.crm_opportunity_changes group by all order by all"
    )


def test_the_history_says_where_it_is_from(built: dict[str, Warehouse]) -> None:
    assert qualities(built["states"]) == [("crm_states", "exact", DEALS)]
    assert qualities(built["fields"]) == [("crm_fields", "exact", DEALS)]
    assert qualities(built["mixed"]) == [
        ("crm_fields", "exact", DEALS // 2),
        ("crm_states", "exact", DEALS // 2),
    ]
    (*first, seen_first), (*later, seen_again) = qualities(built["versions"])
    assert (first, later) == (
        ["loader_versions", "first_seen"],
        ["loader_versions", "snapshot_only"],
    )
    assert 0 < seen_again < seen_first == DEALS
    ((source, quality, _),) = qualities(built["only_stages"])
    assert (source, quality) == ("crm_fields", "reconstructed")


def test_history_sources_says_how_many_opportunities_rest_on_which_history(
    built: dict[str, Warehouse],
) -> None:
    living = built["states"].value(
        "select count(*) from crm.crm_opportunities where not is_deleted"
    )
    query = (
        "select history_source, opportunity_count, reconstructed_count from marts.history_sources"
    )
    for history, source in (
        ("states", "crm_states"),
        ("fields", "crm_fields"),
        ("versions", "loader_versions"),
    ):
        assert built[history].query(query) == [(source, living, 0)]
    (tracked, reconstructed), (missing, _) = (
        row[1:] for row in sorted(built["only_stages"].query(query))
    )
    assert tracked == reconstructed > 0
    assert tracked + missing == living


def test_where_only_stages_are_tracked_the_rest_is_as_it_is_today(
    built: dict[str, Warehouse],
) -> None:
    """Opportunities that never changed their stage have no history at all, and are left as they are."""
    expected = built["states"].query(
        """
        with changed as (
            select *, lag(stage_name) over w as before, row_number() over w as step,
                min(stage_name) over (partition by opportunity_id)
                    <> max(stage_name) over (partition by opportunity_id) as has_changed
            from crm.crm_opportunity_changes window w as (partition by opportunity_id order by changed_at)
        )
        select opportunity_id, changed_at, changed.stage_name, o.amount, o.close_date
        from changed join crm.crm_opportunities as o using (opportunity_id)
        where has_changed and (step = 1 or changed.stage_name <> before) order by 1, 2
        """
    )
    assert len(expected) > 1500
    assert built["only_stages"].query(STATES.format("true")) == expected


@pytest.mark.parametrize("history", HISTORIES)
def test_every_row_is_accounted_for(built: dict[str, Warehouse], history: str) -> None:
    for table, rows_in, *rows_out in built[history].query(
        "select contract_table, rows_in, rows_published, rows_quarantined, rows_superseded, "
        "rows_out_of_scope from marts.reconciliation"
    ):
        assert rows_in == sum(rows_out), table
        assert min(rows_out) >= 0, table


def test_a_row_of_a_field_is_a_state_or_part_of_one(built: dict[str, Warehouse]) -> None:
    """The account of the fields, counted by hand: rows and creations in, moments out."""
    fields = built["fields"]
    landed = fields.value(
        "select count(*) from salesforce.opportunity_field_history "
        "where field in ('StageName', 'Amount', 'CloseDate', 'created')"
    )
    moments = fields.value(
        "select count(*) from (select distinct opportunity_id, created_date "
        "from salesforce.opportunity_field_history "
        "where field in ('StageName', 'Amount', 'CloseDate', 'created'))"
    )
    assert landed > moments + DEALS
    assert fields.query(
        "select rows_in, rows_published, rows_out_of_scope from marts.reconciliation "
        "where contract_table = 'opportunity_changes'"
    ) == [(landed + DEALS, moments, landed + DEALS - moments)]


def test_a_record_without_an_active_version_is_deleted_when_the_last_one_ended(
    built: dict[str, Warehouse],
) -> None:
    query = "select opportunity_id, last_modified_at from crm.crm_opportunities where is_deleted order by 1"
    expected = built["states"].query(query)
    assert len(expected) > 10
    assert built["versions"].query(query) == expected


# ------------------------------------------------------------------ single rules, by hand

COLUMNS = "id, opportunity_id, created_date, field, old_value, new_value, created_by_id"
LANDED = f"""
    create schema salesforce;
    create table salesforce.opportunity as
    select *, timestamp '2024-01-01 09:00:00' as created_date, timestamp '2024-06-01' as _fivetran_synced
    from (values
        ('006a', 'Closed Won', 300, date '2024-05-01', 'Closed'),
        ('006b', 'Proposal', 50, date '2024-09-01', 'Pipeline'),
        ('006c', 'Qualification', null, null, 'Pipeline'),
        ('006d', 'Proposal', 70, date '2024-09-01', 'Pipeline')
    ) as t (id, stage_name, amount, close_date, forecast_category_name);
    create table salesforce.opportunity_field_history as
    select *, timestamp '2024-06-01' as _fivetran_synced, id = '017z' as is_deleted
    from (values
        ('0171', '006a', timestamp '2024-01-01 09:00:00', 'created', null, null, '005x'),
        ('0172', '006a', timestamp '2024-02-01 09:00:00', 'StageName', 'Qualification', 'Discovery', '005x'),
        ('0173', '006a', timestamp '2024-02-01 09:00:00', 'StageName', 'Discovery', 'Proposal', '005x'),
        ('0174', '006a', timestamp '2024-02-01 09:00:00', 'Amount', null, '250.5', '005x'),
        ('0174', '006a', timestamp '2024-02-01 09:00:00', 'Amount', null, '250.5', '005x'),
        ('0175', '006a', timestamp '2024-03-01 09:00:00', 'Amount', '250.5', null, '005y'),
        ('0176', '006a', timestamp '2024-04-01 09:00:00', 'Amount', null, '300', '005y'),
        ('0177', '006a', timestamp '2024-04-01 09:00:00', 'StageName', 'Proposal', 'Closed Won', '005y'),
        ('0178', '006a', timestamp '2024-04-01 09:00:00', 'ForecastCategoryName', 'Pipeline', 'Closed', '005y'),
        ('017z', '006a', timestamp '2024-04-02 09:00:00', 'StageName', 'Closed Won', 'Nowhere', '005y'),
        ('0180', '006b', timestamp '2024-03-01 09:00:00', 'StageName', 'Qualification', 'Proposal', '005x'),
        ('0181', '006b', timestamp '2024-03-01 09:00:00', 'NextStep', null, 'Call', '005x'),
        ('0182', '006c', timestamp '2024-01-01 09:00:00', 'opportunityCreatedFromLead', null, null, '005x'),
        ('0183', '006gone', timestamp '2024-03-01 09:00:00', 'StageName', 'Qualification', 'Proposal', '005x'),
        ('0184', null, timestamp '2024-03-01 09:00:00', 'StageName', 'Qualification', 'Proposal', '005x'),
        ('0185', '006b', null, 'StageName', 'Proposal', 'Qualification', '005x')
    ) as t ({COLUMNS});
"""


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Stage a few rows of a field history, of which nothing tracks the close date."""
    warehouse = Warehouse(tmp_path_factory.mktemp("few"))
    warehouse.profiles_dir()
    with warehouse.connect() as connection:
        connection.execute(LANDED)
    select = ("path:models/crm", "path:models/staging", "+reconciliation", "source_gaps")
    warehouse.dbt("build", "--select", *select, "--exclude-resource-type", "unit_test", "test")
    return warehouse


def states_of(warehouse: Warehouse, opportunity: str) -> Rows:
    return warehouse.query(
        "select strftime(changed_at, '%m-%d'), stage_name, amount::double, close_date::varchar, "
        "forecast_category, changed_by, history_quality "
        f"from crm.crm_opportunity_changes where opportunity_id = '{opportunity}' order by changed_at"
    )


def test_changes_of_one_second_are_one_state_and_values_are_carried_along(
    landed: Warehouse,
) -> None:
    """The close date, untracked, is today's; that of a deal which never had one is known to be none."""
    today = "2024-05-01"
    assert states_of(landed, "006a") == [
        ("01-01", "Qualification", None, today, "Pipeline", "005x", "reconstructed"),
        ("02-01", "Proposal", 250.5, today, "Pipeline", "005x", "reconstructed"),
        ("03-01", "Proposal", None, today, "Pipeline", "005y", "reconstructed"),
        ("04-01", "Closed Won", 300, today, "Closed", "005y", "reconstructed"),
    ]
    assert states_of(landed, "006c") == [
        ("01-01", "Qualification", None, None, "Pipeline", "005x", "exact")
    ]


def test_without_a_mark_of_creation_the_first_state_is_put_together(landed: Warehouse) -> None:
    with landed.connect() as connection:
        connection.execute(
            "insert into salesforce.opportunity_field_history by name select '0190' as id, "
            "'006a' as opportunity_id, timestamp '2024-04-01 09:00:00' as created_date, "
            "'CloseDate' as field, '2024-04-30' as old_value, '2024-05-01' as new_value, false as is_deleted"
        )
    assert [row[-1] for row in states_of(landed, "006a")] == ["exact"] * 4
    assert [(row[0], row[1], row[-1]) for row in states_of(landed, "006b")] == [
        ("01-01", "Qualification", "reconstructed"),
        ("03-01", "Proposal", "exact"),
    ]
    assert states_of(landed, "006a")[2][3] == "2024-04-30"


def test_an_opportunity_without_a_state_in_its_history_has_none(landed: Warehouse) -> None:
    assert not states_of(landed, "006d")


def test_rows_that_cannot_be_used_wait_in_quarantine(landed: Warehouse) -> None:
    assert landed.query(
        "select row_id, reason from marts.quarantine where contract_table = 'opportunity_changes' "
        "order by 2, 1"
    ) == [
        ("006b", "missing_changed_at"),
        (None, "missing_id"),
        ("006gone", "unknown_opportunity"),
    ]
    assert not landed.query(
        "select * from marts.reconciliation where rows_in <> rows_published + rows_quarantined "
        "+ rows_superseded + rows_out_of_scope or rows_out_of_scope < 0"
    )


def test_a_field_history_without_values_tells_nothing(landed: Warehouse) -> None:
    with landed.connect() as connection:
        connection.execute("alter table salesforce.opportunity_field_history drop column new_value")
    landed.dbt("run", "--select", "+reconciliation")
    assert landed.value("select count(*) from crm.crm_opportunity_changes") == 0
    assert not landed.query(
        "select * from marts.reconciliation where rows_in <> rows_published + rows_quarantined "
        "+ rows_superseded + rows_out_of_scope or rows_out_of_scope < 0"
    )


# ------------------------------------------------------------------ on the second database


@pytest.mark.postgres
@pytest.mark.parametrize("history", ["fields", "only_stages", "versions"])
def test_the_contract_is_the_same_on_postgres(
    built: dict[str, Warehouse],
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
    history: str,
) -> None:
    here, schema = built[history], f"salesforce_{history}"
    there = Warehouse(
        tmp_path_factory.mktemp(schema),
        vars={"salesforce_schema": schema, "schema_prefix": f"{schema}_"},
        environment=postgres.environment,
    )
    assert contracts_that_differ(here, there, postgres, schema, crm="salesforce") == []
