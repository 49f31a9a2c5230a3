"""Building: all or nothing, with progress, beside other tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from reverse_funnel.demo import DemoConfig, build_demo
from reverse_funnel.demo import simulation as simulation_module
from reverse_funnel.demo.salesforce import SalesforceWriter

SMALL = DemoConfig(opportunities=120, seed=2)


def test_a_stopped_run_leaves_the_old_demo_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = duckdb.connect()
    truth = tmp_path / "truth.json"
    build_demo(connection, SMALL, truth_path=truth)
    before = connection.execute("select sum(hash(o)) from salesforce.opportunity o").fetchone()
    old_truth = truth.read_bytes()

    def stop(_self: SalesforceWriter) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SalesforceWriter, "touch_latest", stop)
    with pytest.raises(KeyboardInterrupt):
        build_demo(connection, DemoConfig(opportunities=80, seed=3), truth_path=truth)
    after = connection.execute("select sum(hash(o)) from salesforce.opportunity o").fetchone()
    assert after == before
    assert truth.read_bytes() == old_truth
    assert [path.name for path in tmp_path.iterdir()] == ["truth.json"]
    left = connection.execute(
        "select count(*) from duckdb_tables() where table_name like '%building%'"
    ).fetchone()
    assert left == (0,)


def test_a_failure_while_putting_in_place_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = duckdb.connect()
    build_demo(connection, SMALL, truth_path=None)
    before = connection.execute("select sum(hash(o)) from salesforce.opportunity o").fetchone()
    publish = SalesforceWriter.publish

    def publish_after_losing_a_late_table(self: SalesforceWriter) -> None:
        self._connection.execute(f"drop table {self.target('record_type')}")
        publish(self)

    monkeypatch.setattr(SalesforceWriter, "publish", publish_after_losing_a_late_table)
    with pytest.raises(duckdb.Error):
        build_demo(connection, DemoConfig(opportunities=80, seed=3), truth_path=None)
    after = connection.execute("select sum(hash(o)) from salesforce.opportunity o").fetchone()
    assert after == before


def test_other_tables_of_the_schema_are_left_alone_and_the_schema_can_be_named() -> None:
    connection = duckdb.connect()
    connection.execute("create schema raw_crm; create table raw_crm.campaign as select 1 as id")
    summary = build_demo(connection, SMALL, schema="raw_crm", truth_path=None)
    assert summary.schema == "raw_crm"
    assert connection.execute("select count(*) from raw_crm.campaign").fetchone() == (1,)
    assert connection.execute("select count(*) from raw_crm.opportunity").fetchone() == (120,)


def test_progress_goes_from_nothing_to_all() -> None:
    seen: list[tuple[str, float]] = []
    build_demo(
        duckdb.connect(),
        SMALL,
        truth_path=None,
        progress=lambda what, share: seen.append((what, share)),
    )
    shares = [share for _, share in seen]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert all(what for what, _ in seen)


def test_a_database_in_a_file_keeps_its_memory_limit(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "demo.duckdb"))
    connection.execute("set memory_limit = '2GB'")
    before = connection.execute("select current_setting('memory_limit')").fetchone()
    build_demo(connection, SMALL, truth_path=None)
    assert connection.execute("select current_setting('memory_limit')").fetchone() == before
    connection.close()


def test_the_size_of_the_blocks_only_bounds_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation_module, "BLOCK", 50)
    connection = duckdb.connect()
    build_demo(connection, SMALL, truth_path=None)
    ids = connection.execute(
        "select count(*), count(distinct id), min(id), max(id) from salesforce.opportunity"
    ).fetchone()
    assert ids == (120, 120, "006000000000000001", "006000000000000120")
    loose = connection.execute(
        "select count(*) from salesforce.opportunity where account_id not in "
        "(select id from salesforce.account)"
    ).fetchone()
    assert loose == (0,)
