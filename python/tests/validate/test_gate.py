"""The gate lets a clean load pass, and each fault is caught by the expectation meant for it."""

from __future__ import annotations

import functools
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from conftest import ROOT, PostgresServer
from reverse_funnel.cli import app
from reverse_funnel.demo import DemoConfig, build_demo
from reverse_funnel.errors import InputError
from reverse_funnel.validate import Gate, GateResult, judge, run_gate
from reverse_funnel.validate.checks import CHECKS
from reverse_funnel.validate.policy import read_policy
from reverse_funnel.warehouse import DbtProject, publish_raw

AS_OF = date(2026, 8, 31)
Failure = tuple[str, str, str]


class Lab:
    """A raw database to plant faults in, and the gate before it."""

    def __init__(self, folder: Path, clean: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.path = folder / "raw.duckdb"
        shutil.copy(clean, self.path)
        shutil.copy(ROOT / "profiles.yml.example", folder / "profiles.yml")
        patch.setenv("UNIFIED_PIPELINE_DB", str(self.path))
        patch.delenv("UNIFIED_PIPELINE_TARGET", raising=False)

    def plant(self, sql: str) -> None:
        with duckdb.connect(
            str(self.path), config={"storage_compatibility_version": "v1.4.0"}
        ) as connection:
            connection.execute(sql)

    def project(self, **variables: Any) -> DbtProject:
        return DbtProject(ROOT, self.folder, vars=variables)

    def run(self, **options: Any) -> GateResult:
        gate = Gate(
            crms=("salesforce",),
            as_of=options.pop("as_of", AS_OF),
            output=self.folder / "report",
            state=self.folder / "state",
            **options,
        )
        return run_gate(gate, self.project(), lambda _: None)

    def command(self, *arguments: str) -> Any:
        return CliRunner().invoke(
            app,
            [
                *("validate", "--project-dir", str(ROOT), "--profiles-dir", str(self.folder)),
                *("--output", str(self.folder / "report"), "--state", str(self.folder / "state")),
                *arguments,
            ],
        )


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gate") / "clean.duckdb"
    with duckdb.connect(
        str(path), config={"storage_compatibility_version": "v1.4.0"}
    ) as connection:
        build_demo(connection, DemoConfig(opportunities=2500, seed=4, as_of=AS_OF), truth_path=None)
    return path


@pytest.fixture
def lab(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, clean, monkeypatch)


def failures(result: GateResult) -> dict[Failure, str]:
    return {(one.check.name, one.table, one.column): one.severity for one in result.failed}


def test_a_clean_load_passes(lab: Lab) -> None:
    result = lab.run()
    assert not result.failed
    assert result.tables == 13
    assert result.asked > 200
    assert "fit to build" in result.report.read_text()
    assert not lab.run().failed


# Each group of faults that do not touch each other is planted at once; those of the groups in
# LATER come after a clean run. Fault → group, statements, all that must fail because of it.
LATER = {"lost", "fewer", "more"}
FAULTS: dict[str, tuple[str, str, dict[Failure, str]]] = {
    "a required column is gone": (
        "missing",
        "alter table salesforce.opportunity_history drop column stage_name",
        {("column_exists", "opportunity_history", "stage_name"): "stop"},
    ),
    "a required table is gone": (
        "missing",
        "drop table salesforce.opportunity",
        {("table_exists", "opportunity", ""): "stop"},
    ),
    "there are no rows": (
        "empty",
        "delete from salesforce.opportunity; delete from salesforce.opportunity_history; "
        "delete from salesforce.opportunity_field_history; "
        "update salesforce.lead set converted_opportunity_id = null",
        {("rows_present", "opportunity", ""): "stop"},
    ),
    "an optional column is gone since the last run": (
        "lost",
        "alter table salesforce.opportunity drop column lead_source",
        {("column_kept", "opportunity", "lead_source"): "warn"},
    ),
    "an optional table is gone since the last run": (
        "lost",
        "drop table salesforce.event",
        {("table_kept", "event", ""): "warn"},
    ),
    "half the rows are gone since the last run": (
        "fewer",
        "delete from salesforce.task where rowid % 2 = 0",
        {("rows_kept", "task", ""): "stop"},
    ),
    "some rows are gone since the last run": (
        "fewer",
        "delete from salesforce.lead_history where rowid % 20 = 0",
        {("rows_kept", "lead_history", ""): "warn"},
    ),
    "far more rows than in the last run": (
        "more",
        "insert into salesforce.task select * replace (id || 'b' as id) from salesforce.task; "
        "insert into salesforce.task select * replace (id || 'c' as id) from salesforce.task",
        {("rows_grown", "task", ""): "warn"},
    ),
    "half the rows are gone in the first run": (
        "gone",
        "delete from salesforce.account where rowid % 2 = 0; delete from salesforce.account_history",
        {("refers", "opportunity", "account_id"): "stop"},
    ),
    "the newest rows are missing": (
        "gone",
        "delete from salesforce.task where created_date > timestamp '2026-08-03'; "
        "update salesforce.task set _fivetran_synced = timestamp '2026-08-31 12:00:00' where rowid = 1",
        {("recent_rows", "task", "created_date"): "stop"},
    ),
    "a column has a type nobody can read": (
        "gone",
        "alter table salesforce.opportunity_history alter amount set data type boolean using amount > 0",
        {("column_type", "opportunity_history", "amount"): "stop"},
    ),
    "no text reads as a date": (
        "many",
        "alter table salesforce.opportunity alter close_date set data type varchar "
        "using strftime(close_date, '%d.%m.%Y')",
        {("readable", "opportunity", "close_date"): "stop"},
    ),
    "one table was not loaded for two weeks": (
        "many",
        "update salesforce.lead set _fivetran_synced = _fivetran_synced - interval 14 day",
        {("fresh", "lead", "_fivetran_synced"): "stop"},
    ),
    "a table was loaded twice": (
        "many",
        "insert into salesforce.account from salesforce.account",
        {("key_unique", "account", "id"): "stop"},
    ),
    "most stages were renamed": (
        "many",
        "update salesforce.opportunity set stage_name = 'New ' || stage_name where rowid % 2 = 0",
        {("known_value", "opportunity", "stage_name"): "stop"},
    ),
    "absurd amounts": (
        "many",
        "update salesforce.opportunity_history set amount = 1e9 where rowid % 10 = 0",
        {("amount_possible", "opportunity_history", "amount"): "stop"},
    ),
    "a text does not read as a number": (
        "few",
        "alter table salesforce.opportunity alter amount set data type varchar; "
        "update salesforce.opportunity set amount = 'twelve' where rowid = 7",
        {("readable", "opportunity", "amount"): "warn"},
    ),
    "an amount below nothing": (
        "few",
        "update salesforce.opportunity set amount = '-1' where rowid = 3",
        {("amount_possible", "opportunity", "amount"): "warn"},
    ),
    "one table was not loaded for two days": (
        "few",
        "update salesforce.lead set _fivetran_synced = _fivetran_synced - interval 2 day",
        {("fresh", "lead", "_fivetran_synced"): "warn"},
    ),
    "an id came twice": (
        "few",
        "insert into salesforce.opportunity from salesforce.opportunity limit 1",
        {("key_unique", "opportunity", "id"): "warn"},
    ),
    "an id is missing": (
        "few",
        "update salesforce.task set id = null where rowid = 5",
        {("key_present", "task", "id"): "warn"},
    ),
    "a time is missing": (
        "few",
        "update salesforce.opportunity_history set created_date = null where rowid = 5",
        {("filled", "opportunity_history", "created_date"): "warn"},
    ),
    "a stage nobody has mapped": (
        "few",
        "update salesforce.opportunity set stage_name = 'Verbal Commit' where rowid % 100 = 0",
        {("known_value", "opportunity", "stage_name"): "warn"},
    ),
    "a source nobody has mapped": (
        "few",
        "update salesforce.lead set lead_source = 'Carrier pigeon' where rowid = 3",
        {("known_value", "lead", "lead_source"): "warn"},
    ),
    "a deal type nobody has mapped": (
        "few",
        "update salesforce.opportunity set type = 'Barter' where rowid = 3",
        {("known_value", "opportunity", "type"): "warn"},
    ),
    "a currency without a rate": (
        "few",
        "update salesforce.opportunity set currency_iso_code = 'XXX' where rowid = 3",
        {("known_currency", "opportunity", "currency_iso_code"): "warn"},
    ),
    "a close date of 1900": (
        "few",
        "update salesforce.opportunity set close_date = date '1900-01-01' where rowid = 3",
        {("date_possible", "opportunity", "close_date"): "warn"},
    ),
    "a creation in the future": (
        "few",
        "update salesforce.lead set created_date = timestamp '2026-10-01' where rowid = 3",
        {("not_ahead", "lead", "created_date"): "warn"},
    ),
}
GROUPS = sorted({group for group, _, _ in FAULTS.values()})


@pytest.fixture(scope="module")
def found(
    clean: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[Failure, str]]:
    """Return a function that plants a group of faults, once, and gives all that failed."""

    @functools.cache
    def find(group: str) -> dict[Failure, str]:
        with pytest.MonkeyPatch.context() as patch:
            lab = Lab(tmp_path_factory.mktemp(group), clean, patch)
            if group in LATER:
                assert not lab.run().failed
            for its_group, statements, _ in FAULTS.values():
                if its_group == group:
                    lab.plant(statements)
            return failures(lab.run())

    return find


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_the_expectation_meant_for_it(
    found: Callable[[str], dict[Failure, str]], fault: str
) -> None:
    group, _, expected = FAULTS[fault]
    assert expected.items() <= found(group).items()


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_else_fails(found: Callable[[str], dict[Failure, str]], group: str) -> None:
    expected = [of_fault for its_group, _, of_fault in FAULTS.values() if its_group == group]
    assert found(group).keys() == {key for of_fault in expected for key in of_fault}


def test_every_check_is_tried() -> None:
    tried = {check for _, _, expected in FAULTS.values() for check, _, _ in expected}
    assert tried == CHECKS.keys()


def test_a_failure_says_how_many_which_and_what_to_do(lab: Lab) -> None:
    lab.plant("update salesforce.opportunity set stage_name = 'Verbal Commit' where rowid < 4")
    done = lab.command("--as-of", "2026-08-31")
    assert done.exit_code == 0, done.output
    assert "Verbal Commit (x4)" in done.output
    assert "4 of 2,500" in done.output
    assert "Fit to build" in done.output
    (page,) = (lab.folder / "report" / "validations").rglob("*salesforce.opportunity.html")
    assert "Verbal Commit (x4)" in page.read_text()
    assert "add them to seeds/mappings/stage_map.csv" in page.read_text()


def test_the_first_page_tells_what_failed_and_leads_to_every_table(lab: Lab) -> None:
    lab.plant(
        "update salesforce.opportunity set stage_name = '<b>Verbal</b>' where rowid < 4;"
        "alter table salesforce.opportunity_history drop column stage_name"
    )
    result = lab.run()
    page = result.report.read_text()
    assert 'Raw tables: <span class="stop">stop, do not build</span>' in page
    assert f"Of {result.asked} expectations\n1 fail with a stop, 1 with a warning." in page
    assert "Freshness of salesforce is as of 2026-09-01 00:00 UTC" in page
    assert "&lt;b&gt;Verbal&lt;/b&gt; (x4)" in page
    assert "let the loader land it" in page
    links = set(re.findall(r'href="([^"]+)"', page))
    assert len(links) == result.tables + 1  # and one of the CRM as a whole
    assert all((result.report.parent / link).is_file() for link in links)
    assert "<script" not in page


def test_files_are_judged_as_a_crm_is(lab: Lab) -> None:
    exports = lab.folder / "exports"
    exports.mkdir()
    (exports / "opportunities.csv").write_text(
        "opportunity_id,created_at,stage_name,amount,close_date,owner_id,currency\n"
        "a,2026-01-05,Qualified,1000,2026-05-01,u1,USD\n"
        "b,2026-01-06,Maybe,twelve,2026-02-30,u9,EUR\n"
        ",2026-01-07,Qualified,500,2026-05-01,u1,USD\n"
    )
    (exports / "users.csv").write_text("user_id,team\nu1,Sales\n")
    where = ("--project-dir", str(ROOT), "--profiles-dir", str(lab.folder))
    loaded = CliRunner().invoke(app, ["load", str(exports), "--as-of", "2026-03-31", *where])
    assert not loaded.exit_code, loaded.output
    gate = Gate(("flat_file",), date(2026, 3, 31), lab.folder / "report", lab.folder / "state")
    assert failures(run_gate(gate, lab.project(), lambda _: None)).keys() == {
        ("key_present", "opportunities", "opportunity_id"),
        ("known_value", "opportunities", "stage_name"),
        ("readable", "opportunities", "amount"),
        ("readable", "opportunities", "close_date"),
        ("refers", "opportunities", "owner_id"),
        ("known_currency", "opportunities", "currency"),
    }


def test_exit_codes(lab: Lab) -> None:
    """0 fit, with warnings too; 3 stop; 2 for what the user must correct; --strict makes 3 of 0."""
    lab.plant("update salesforce.opportunity set amount = -1 where rowid = 3")
    assert lab.command("--as-of", "latest").exit_code == 0
    assert lab.command("--as-of", "latest", "--strict").exit_code == 3
    lab.plant("alter table salesforce.opportunity drop column id")
    assert lab.command("--as-of", "latest").exit_code == 3
    for wrong in (("--as-of", "yesterday"), ("--crm", "pipedrive"), ("--no-such-option",)):
        assert lab.command(*wrong).exit_code == 2, wrong
    lab.path.unlink()
    assert lab.command().exit_code == 2


def test_the_age_of_a_load_is_measured_from_the_day_asked_for(lab: Lab) -> None:
    """Without --as-of from the clock, by which the demo is either old or not there yet."""
    assert (
        failures(lab.run(as_of=date(2026, 9, 20)))[("fresh", "lead", "_fivetran_synced")] == "stop"
    )
    assert not lab.run(as_of="latest").failed
    lab.plant(
        "update salesforce.opportunity set _fivetran_synced = timestamp '2001-01-01'; "
        "update salesforce.lead set _fivetran_synced = timestamp '2001-01-01'"
    )
    assert failures(lab.run(as_of=None))[("fresh", "lead", "_fivetran_synced")] == "stop"


def test_a_load_that_stopped_is_no_measure_of_the_next_one(lab: Lab) -> None:
    assert not lab.run().failed
    lab.plant(
        "create table kept as from salesforce.task; delete from salesforce.task where rowid % 2 = 0"
    )
    for _ in range(2):
        assert failures(lab.run())[("rows_kept", "task", "")] == "stop"
    # unless somebody says that it is right
    assert not lab.run(accept_volume=True).failed
    lab.plant(
        "update salesforce.opportunity set _fivetran_synced = _fivetran_synced + interval 1 minute where rowid = 1"
    )
    assert ("rows_kept", "task", "") not in failures(lab.run())


def test_the_history_takes_one_line_a_table_and_load(lab: Lab) -> None:
    lab.run()
    first = (lab.folder / "state" / "history.csv").read_text()
    lab.run()
    assert (lab.folder / "state" / "history.csv").read_text() == first
    assert len(first.splitlines()) == 1 + 13


def test_nothing_is_sent_anywhere(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[Any] = []

    def refuse(_: socket.socket, address: Any) -> None:
        attempts.append(address)
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **_: refuse(None, a))  # type: ignore[arg-type]
    monkeypatch.delenv("GX_ANALYTICS_ENABLED", raising=False)
    assert not lab.run().failed
    assert not attempts
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
    assert not judge._context(
        judge.load_great_expectations(), lab.folder / "other"
    ).variables.analytics_enabled
    assert "posthog" not in sys.modules


def test_the_report_fetches_nothing_when_it_is_opened(lab: Lab) -> None:
    lab.run()
    pages = list((lab.folder / "report").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text()
        for tag in ("<script", "<link", "<img"):
            for part in text.split(tag)[1:]:
                assert "http" not in part.split(">")[0], (page, part[:80])


def test_great_expectations_is_read_only_by_the_gate(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from reverse_funnel.cli import app; "
        "CliRunner().invoke(app, ['validate', '--help']); import reverse_funnel.validate; "
        "print('great_expectations' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    done = lab.command()
    assert done.exit_code == 1
    assert "reverse-funnel[gate]" in done.output


@pytest.fixture
def policy(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str) -> Path:
        folder = tmp_path / "seeds"
        (folder / "policies").mkdir(parents=True, exist_ok=True)
        header = "check_name,raw_table,raw_column,severity,limit_value,note"
        text = "\n".join([header, *lines]) + "\n"
        (folder / "policies" / "gate_policy.csv").write_text(text)
        return folder

    return write


def test_the_narrowest_scope_of_a_policy_decides_alone(policy: Callable[..., Path]) -> None:
    rules = read_policy(
        policy(
            "key_unique,,,warn,0,",
            "key_unique,,,stop,0.2,",
            "key_unique,task,,off,,appended by the loader",
            "key_unique,task,other,stop,0.5,",
        )
    )
    assert [(r.severity, r.limit) for r in rules.of("key_unique", "lead", "id")] == [
        ("warn", 0),
        ("stop", 0.2),
    ]
    assert rules.of("key_unique", "task", "id") == ()
    assert [r.limit for r in rules.of("key_unique", "task", "other")] == [0.5]
    assert rules.of("fresh", "task") == ()


def test_a_policy_that_cannot_be_read_names_row_and_column(policy: Callable[..., Path]) -> None:
    folder = policy("key_uniqe,,,warn,0,", "fresh,,,halt,,", "refers,,,stop,many,")
    with pytest.raises(InputError) as error:
        read_policy(folder)
    said = str(error.value)
    assert "row 2, column check_name" in said
    assert "row 3, column severity" in said
    assert "row 4, column limit_value" in said
    (folder / "policies" / "gate_policy.csv").unlink()
    with pytest.raises(InputError, match="not found"):
        read_policy(folder)


@pytest.mark.postgres
def test_postgres_is_judged_as_duckdb_is(
    lab: Lab, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.plant(
        "alter table salesforce.opportunity alter amount set data type varchar; "
        "alter table salesforce.opportunity alter close_date set data type varchar; "
        "update salesforce.opportunity set amount = 'twelve' where rowid = 7; "
        "update salesforce.opportunity set amount = '-3' where rowid = 8; "
        "update salesforce.opportunity set close_date = 'soon' where rowid = 9; "
        "update salesforce.opportunity set close_date = '1900-01-31' where rowid = 10; "
        "update salesforce.opportunity set stage_name = 'Verbal ''Commit''' where rowid = 11; "
        "delete from salesforce.account where rowid % 3 = 0; "
        "insert into salesforce.lead from salesforce.lead limit 2"
    )
    on_duckdb = lab.run()
    assert len(on_duckdb.failed) >= 7
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    project = lab.project(salesforce_schema="gate_raw")
    with duckdb.connect(str(lab.path)) as raw:
        publish_raw(raw, "salesforce", project.connection(), "gate_raw")
    gate = Gate(("salesforce",), AS_OF, lab.folder / "report_pg", lab.folder / "state_pg")
    on_postgres = run_gate(gate, project, lambda _: None)

    def told(result: GateResult) -> list[tuple[Any, ...]]:
        return sorted(
            (
                one.id,
                one.measure and (one.measure.count, one.measure.considered, one.measure.samples),
            )
            for one in result.failed
        )

    assert told(on_postgres) == told(on_duckdb)
    assert on_postgres.asked == on_duckdb.asked


def test_a_currency_without_dated_rates_is_known_by_its_one_rate(lab: Lab) -> None:
    lab.plant(
        "update salesforce.opportunity set currency_iso_code = 'CHF'; "
        "create table salesforce.currency_type as select 'CHF' as iso_code, 0.9 as conversion_rate"
    )
    assert not failures(lab.run())
    lab.plant("update salesforce.currency_type set iso_code = 'SEK'")
    assert ("known_currency", "opportunity", "currency_iso_code") in failures(lab.run())


def test_an_id_that_was_landed_as_a_double_still_refers(lab: Lab) -> None:
    lab.plant(
        "create table salesforce.numbered as select * replace (substr(id, 4)::bigint as id) "
        "from salesforce.account; drop table salesforce.account; "
        "alter table salesforce.numbered rename to account; "
        "update salesforce.opportunity set account_id = substr(account_id, 4); "
        "alter table salesforce.opportunity alter account_id set data type double"
    )
    assert ("refers", "opportunity", "account_id") not in failures(lab.run())
