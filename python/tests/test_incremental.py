"""A daily run touches only what changed, and leaves what a full refresh would have made.

The state machine loads a small CRM in any order, with late, corrected, deleted and repeated rows, with
days that pass and a configuration that changes, runs the incremental models as dbt compiled them
(sometimes only some of them, as if the run had been killed) and compares every row with a full
refresh. The last test does the same once with dbt itself, up to the marts.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from compiled import DATABASE, CompiledSql, Lab, Relation
from conftest import Rows, Warehouse, comparable, simulate
from test_structure import parsed  # noqa: F401

pytestmark = pytest.mark.dbt

INCREMENTAL = ("crm_leads", "crm_opportunities", "int_opportunities__versioned")
LAST = "int_opportunities__versioned"
RAW = ("opportunity", "opportunity_history", "lead")


@dataclass(frozen=True)
class Runs:
    """What dbt executed: in a full refresh, and in an incremental run of the same project."""

    full: CompiledSql
    incremental: dict[str, tuple[str, str]]
    """For each incremental model the SELECT and the statements that merge it."""
    staging: tuple[str, ...]
    build: tuple[str, ...]
    """What lies between staging and the last incremental model, in the order of a run."""
    raw: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Run dbt twice on a small company, and keep the SQL of both runs."""
    warehouse = Warehouse(
        tmp_path_factory.mktemp("incremental"), environment={"DBT_WRITE_JSON": "true"}
    )
    simulate(warehouse, opportunities=30, seed=3)
    warehouse.dbt("seed", "--select", "stage_map")
    target = warehouse.folder / "target"
    compiled = []
    for _ in range(2):
        warehouse.dbt("run", "--select", f"+{LAST}")
        compiled.append(json.loads((target / "manifest.json").read_text())["nodes"])
    models = {
        key: node
        for key, node in compiled[0].items()
        if node["resource_type"] == "model" and node.get("compiled_code")
    }
    order = [
        models[key]
        for key in TopologicalSorter(
            {key: node["depends_on"]["nodes"] for key, node in models.items()}
        ).static_order()
        if key in models
    ]
    relations = {
        node["name"]: Relation(node["schema"], node["compiled_code"], ()) for node in order
    }
    incremental = {
        node["name"]: (
            node["compiled_code"],
            merge_statements(target / "run" / "unified_pipeline" / node["original_file_path"]),
        )
        for node in compiled[1].values()
        if node["name"] in INCREMENTAL
    }
    assert set(incremental) == {
        node["name"] for node in order if node["config"]["materialized"] == "incremental"
    }
    assert all(
        select != relations[name].sql and merge.startswith("delete")
        for name, (select, merge) in incremental.items()
    )
    names = {
        is_staging: tuple(n["name"] for n in order if (n["schema"] == "staging") == is_staging)
        for is_staging in (True, False)
    }
    return Runs(CompiledSql(relations), incremental, names[True], names[False], warehouse.path)


def merge_statements(path: Path) -> str:
    """Return what dbt ran after it had made the temporary table, which is called `changed` here."""
    return re.sub(r'"\w+__dbt_tmp\d+"', "changed", path.read_text()).strip()


class Company:
    """A CRM in memory, and a warehouse of it that is kept up to date."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.lab = runs.full.lab()
        self.lab.connection.execute(f"attach if not exists '{runs.raw}' as landed (read_only)")
        copy_raw("landed", self.lab)
        self.lab.run(*runs.staging, *runs.build)

    def load(self, sql: str, *values: Any) -> None:
        """Change a raw table."""
        self.lab.connection.execute(sql, values)

    def ids(self, table: str) -> list[str]:
        return [
            str(key) for (key,) in self.lab.query(f"select id from salesforce.{table} order by 1")
        ]

    def run(self, models: int | None = None) -> None:
        """Bring the warehouse up to date, or with `models` be killed after so many of them."""
        self.lab.run(*self.runs.staging)
        for name in self.runs.build[:models]:
            if name not in self.runs.incremental:
                self.lab.run(name)
                continue
            select, merge = (
                sql.replace(f'"{DATABASE}".', f'"{self.lab.name}".')
                for sql in self.runs.incremental[name]
            )
            self.lab.connection.execute(f"create or replace temp table changed as {select}")
            self.lab.connection.execute(merge)

    def differing(self) -> list[str]:
        """Incremental models that are not, row by row, what a full refresh makes."""
        with self.runs.full.lab() as anew:
            copy_raw(self.lab.name, anew)
            anew.run(*self.runs.staging, *self.runs.build)
            return [
                name
                for name in INCREMENTAL
                if comparable(rows_of(self.lab, name)) != comparable(rows_of(anew, name))
            ]


def copy_raw(source: str, lab: Lab) -> None:
    """Give a warehouse the raw tables, and the stage map, of another database."""
    for schema in ("salesforce", "seeds"):
        lab.connection.execute(f"create schema if not exists {schema}")
        for (name,) in lab.query(
            f"select table_name from duckdb_tables() where database_name = '{source}' "
            f"and schema_name = '{schema}'"
        ):
            lab.connection.execute(f"create table {schema}.{name} as from {source}.{schema}.{name}")


def rows_of(lab: Lab, name: str) -> Rows:
    return lab.query(f"select * from {lab.sql.relations[name].schema}.{name}")


STAGES = ("Meeting Accepted", "Qualified", "Proposal", "Closed Won", "Closed Lost", "No Such Stage")
FIRST_LOAD = datetime(2026, 9, 1)
MOMENTS = st.integers(-400, 3).map(lambda days: FIRST_LOAD + timedelta(days=days, hours=7))
AMOUNTS = st.sampled_from([None, -5, 0, 100, 2500, 10**12])


class DailyRuns(RuleBasedStateMachine):
    """Loads, corrections and deletions in any order, and runs between them."""

    runs: Runs

    @initialize()
    def begin(self) -> None:
        self.company = Company(self.runs)
        self.now = FIRST_LOAD
        self.serial = 0

    def teardown(self) -> None:
        if hasattr(self, "company"):
            self.company.lab.close()

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def pick(self, data: st.DataObject, table: str) -> str:
        return data.draw(st.sampled_from([*self.company.ids(table), "not there"]))

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(data=st.data(), stage=st.sampled_from(STAGES), amount=AMOUNTS, created=MOMENTS)
    def an_opportunity_comes(
        self, data: st.DataObject, stage: str, amount: int | None, created: datetime
    ) -> None:
        self.serial += 1
        self.company.load(
            "insert into salesforce.opportunity by name select * replace ($1 as id, $2 as stage_name, "
            "$3 as amount, $4 as created_date, $5 as last_modified_date, $5 as _fivetran_synced) "
            "from landed.salesforce.opportunity where id = $6",
            *(f"006new{self.serial}", stage, amount, created, self.tick()),
            data.draw(st.sampled_from(self.company.ids("opportunity") or ["none"])),
        )

    @rule(data=st.data(), stage=st.sampled_from(STAGES), amount=AMOUNTS, recorded=st.booleans())
    def an_opportunity_changes(
        self, data: st.DataObject, stage: str, amount: int | None, recorded: bool
    ) -> None:
        key, now = self.pick(data, "opportunity"), self.tick()
        self.company.load(
            "update salesforce.opportunity set stage_name = $2, amount = $3, "
            "last_modified_date = $4, _fivetran_synced = $4 where id = $1",
            *(key, stage, amount, now),
        )
        if recorded:
            self.history_comes(key, stage, amount, now)

    @rule(data=st.data(), stage=st.sampled_from(STAGES), amount=AMOUNTS, moment=MOMENTS)
    def history_comes_late_or_from_the_future(
        self, data: st.DataObject, stage: str, amount: int | None, moment: datetime
    ) -> None:
        self.tick()
        self.history_comes(self.pick(data, "opportunity"), stage, amount, moment)

    def history_comes(self, key: str, stage: str, amount: int | None, moment: datetime) -> None:
        self.serial += 1
        self.company.load(
            "insert into salesforce.opportunity_history by name select $1 as id, "
            "$2 as opportunity_id, $3 as stage_name, $4 as amount, $5 as created_date, "
            "false as is_deleted, $6 as _fivetran_synced",
            *(f"008new{self.serial}", key, stage, amount, moment, self.now),
        )

    @rule(data=st.data(), amount=AMOUNTS, is_new_load=st.booleans())
    def history_is_corrected(
        self, data: st.DataObject, amount: int | None, is_new_load: bool
    ) -> None:
        """Also where the loader leaves the time of the load as it was."""
        self.company.load(
            "update salesforce.opportunity_history set amount = $2, "
            "_fivetran_synced = coalesce($3, _fivetran_synced) where id = $1",
            *(self.pick(data, "opportunity_history"), amount, self.tick() if is_new_load else None),
        )

    @rule(data=st.data(), table=st.sampled_from(RAW), is_deleted=st.booleans())
    def a_row_is_flagged(self, data: st.DataObject, table: str, is_deleted: bool) -> None:
        self.company.load(
            f"update salesforce.{table} set is_deleted = $2, _fivetran_synced = $3 where id = $1",
            *(self.pick(data, table), is_deleted, self.tick()),
        )

    @rule(data=st.data(), table=st.sampled_from(RAW))
    def a_row_is_gone(self, data: st.DataObject, table: str) -> None:
        self.company.load(f"delete from salesforce.{table} where id = $1", self.pick(data, table))

    @rule(data=st.data(), table=st.sampled_from(RAW), is_new_load=st.booleans())
    def a_row_comes_again(self, data: st.DataObject, table: str, is_new_load: bool) -> None:
        self.company.load(
            f"insert into salesforce.{table} by name select * replace "
            "(coalesce($2, _fivetran_synced) as _fivetran_synced) "
            f"from salesforce.{table} where id = $1 limit 1",
            *(self.pick(data, table), self.tick() if is_new_load else None),
        )

    @rule(data=st.data())
    def a_lead_is_converted(self, data: st.DataObject) -> None:
        self.company.load(
            "update salesforce.lead set is_converted = true, converted_date = $3, "
            "converted_opportunity_id = $2, _fivetran_synced = $3 where id = $1",
            *(self.pick(data, "lead"), self.pick(data, "opportunity"), self.tick()),
        )

    @rule(factor=st.sampled_from([0.5, 2.0]))
    def the_rates_of_exchange_are_corrected(self, factor: float) -> None:
        self.company.load(
            "update salesforce.dated_conversion_rate set conversion_rate = conversion_rate * $1",
            factor,
        )

    @rule(stage=st.sampled_from(STAGES), number=st.sampled_from([2, 4, 90, 91]))
    def the_stage_map_changes(self, stage: str, number: int) -> None:
        self.company.load(
            "update seeds.stage_map set stage_number = $2 where stage_name = $1", stage, number
        )

    @rule(data=st.data())
    def a_run_is_killed(self, data: st.DataObject) -> None:
        self.company.run(data.draw(st.integers(1, len(self.runs.build) - 1)))

    @rule()
    def a_run_gives_what_a_full_refresh_gives(self) -> None:
        self.company.run()
        assert self.company.differing() == []


def test_any_order_of_loads_gives_what_a_full_refresh_gives(runs: Runs) -> None:
    machine = type("DailyRunsOfThisCompany", (DailyRuns,), {"runs": runs})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_run_without_news_changes_nothing(runs: Runs) -> None:
    company = Company(runs)
    for name in INCREMENTAL:
        select, _ = runs.incremental[name]
        select = select.replace(f'"{DATABASE}".', f'"{company.lab.name}".')
        assert company.lab.query(select) == []


def test_only_what_changed_is_made_anew(runs: Runs) -> None:
    company = Company(runs)
    key, other = company.ids("opportunity")[:2]
    company.load("update salesforce.opportunity set amount = 7 where id = $1", key)
    company.load("delete from salesforce.opportunity where id = $1", other)
    select, _ = runs.incremental["crm_opportunities"]
    select = select.replace(f'"{DATABASE}".', f'"{company.lab.name}".')
    company.lab.run(*runs.staging)
    changed = company.lab.query(f"select opportunity_id from ({select})")
    assert sorted(changed, key=str) == [(key,), (None,)]


PLAIN = {
    "only_changed",
    "fingerprint",
    "latest_of_changed",
    "type_double",
    "money_type",
    "type_timestamp",
}
"""Macros that do not decide what a row says."""


@pytest.mark.parametrize("name", INCREMENTAL)
def test_a_fingerprint_covers_all_that_a_model_does_to_a_row(
    parsed: tuple[dict[str, Any], str],  # noqa: F811
    name: str,
) -> None:
    """So that a change of a variable or macro makes every row anew.

    What changes a row before it is fingerprinted shows in the row; what comes after must be listed.
    """
    macros = {
        macro["name"]: macro["macro_sql"]
        for macro in parsed[0]["macros"].values()
        if macro["package_name"] == "unified_pipeline"
    }

    def called(text: str) -> set[str]:
        return {word for word in re.findall(r"\b(\w+)\(", text) if word in macros} - PLAIN

    def variables(text: str) -> set[str]:
        """Return the variables that a text reads, also through the macros it calls."""
        reached, found = {""}, called(text)
        while new := found - reached:
            reached |= new
            found |= called("".join(macros[macro] for macro in new))
        texts = [text, *(macros[macro] for macro in found)]
        return {name for text in texts for name in re.findall(r"\bvar\([\'\"](\w+)", text)}

    model = parsed[0]["nodes"][f"model.unified_pipeline.{name}"]["raw_code"]
    _, listed, after = re.split(
        r"\{\{ (?:fingerprint|latest_of_changed)\((.*?)\) \}\}", model, flags=re.S
    )
    assert called(after) - called(listed) == set()
    assert variables(after) - variables(listed) == set()
    assert variables(after)


YESTERDAY = """
delete from salesforce.opportunity where hash(id) % 20 = 0;
delete from salesforce.opportunity_history where hash(id) % 20 = 1;
delete from salesforce.lead where hash(id) % 20 = 2;
update salesforce.opportunity set amount = amount * 2, stage_name = 'Proposal'
    where hash(id) % 20 = 3;
update salesforce.opportunity_history set created_date = created_date - interval 3 days
    where hash(id) % 20 = 4;
insert into salesforce.opportunity_history
    select * from salesforce.opportunity_history where hash(id) % 20 = 5;
insert into salesforce.opportunity by name
    select 'gone' || id as id, * exclude (id) from salesforce.opportunity where hash(id) % 20 = 6;
"""


def test_a_build_killed_at_any_moment_and_run_again_gives_the_same_marts(
    demo: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From a CRM that was otherwise in many ways, through three builds that were killed."""
    warehouse = Warehouse(tmp_path_factory.mktemp("killed"))
    shutil.copy(demo.path, warehouse.path)
    with warehouse.connect() as connection:
        connection.execute(YESTERDAY)
    warehouse.dbt("run", "--select", f"+{LAST}")
    marts = [
        f"{schema}.{name}"
        for schema, name in demo.query(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema in ('crm', 'intermediate', 'marts') order by all"
        )
    ]
    assert len(marts) > 100
    assert differing_tables(warehouse, demo, marts) != []
    restore = "".join(
        f"create or replace table salesforce.{name} as from now.salesforce.{name};" for name in RAW
    )
    with warehouse.connect() as connection:
        connection.execute(f"attach '{demo.path}' as now (read_only); {restore}")
    for model in ("crm_leads", "int_opportunities__versioned", "pipeline_created"):
        warehouse.run_until(rf"START sql \w+ model \w+\.{model} ", "dbt", "run")
    warehouse.dbt("run")
    assert differing_tables(warehouse, demo, marts) == []


def test_a_table_built_before_it_had_fingerprints_is_made_anew(
    demo: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("older"))
    shutil.copy(demo.path, warehouse.path)
    tables = [f"crm.{n}" if n.startswith("crm") else f"intermediate.{n}" for n in INCREMENTAL]
    with warehouse.connect() as connection:
        for table in tables:
            connection.execute(f"alter table {table} drop column fingerprint")
            key = "lead_key" if table == "crm.crm_leads" else "opportunity_key"
            # Some keys are gone and others have come since.
            connection.execute(f"update {table} set {key} = -{key} where {key} % 20 = 0")
    warehouse.dbt("run", "--select", *INCREMENTAL)
    assert differing_tables(warehouse, demo, tables) == []


def differing_tables(here: Warehouse, there: Warehouse, tables: list[str]) -> list[str]:
    """Tables of which one warehouse has a row that the other has not.

    Sums of floating point numbers depend on the order of rows in their last digits, and only there.
    """
    with here.connect() as connection:
        connection.execute(f"attach '{there.path}' as there (read_only)")

        def rows(query: str) -> Rows:
            return connection.execute(query).fetchall()

        suspects = [
            table
            for table in tables
            if rows(f"(from {table} except all from there.{table}) limit 1")
            or rows(f"(from there.{table} except all from {table}) limit 1")
        ]
        return [
            table
            for table in suspects
            if comparable(rows(f"from {table}")) != comparable(rows(f"from there.{table}"))
        ]
