"""Warehouses to test on: each is a database of its own, built by dbt like any user's."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from compiled import CompiledModels
from reverse_funnel.demo import DemoConfig, build_demo
from reverse_funnel.warehouse import DbtProject, publish_raw

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
Rows = list[tuple[Any, ...]]


@dataclass
class Warehouse:
    """One database with everything dbt needs to build it, apart from every other."""

    folder: Path
    vars: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    seeds: Path = Path("seeds")

    @property
    def path(self) -> Path:
        return self.folder / "unified_pipeline.duckdb"

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.path), config={"storage_compatibility_version": "v1.4.0"})

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment (dbt, reverse-funnel) against this warehouse."""
        environment = os.environ | {
            "UNIFIED_PIPELINE_DB": str(self.path),
            "DBT_PROFILES_DIR": str(self.profiles_dir()),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "UNIFIED_PIPELINE_SEEDS": str(self.seeds),
        }
        done = subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            cwd=ROOT,
            env=environment | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}")
        return done

    def dbt(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        extra = ["--vars", json.dumps(self.vars)] if self.vars else []
        return self.run("dbt", "--no-use-colors", *arguments, *extra, check=check)

    def profiles_dir(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "profiles.yml.example", self.folder / "profiles.yml")
        return self.folder

    def own_seeds(self, **files: str) -> None:
        """Give this warehouse seeds of its own: the project's, without goals, targets and forecasts.

        `files` replace whole seeds, by name. dbt wants seeds inside the project, so they lie in
        its build folder.
        """
        self.seeds = Path("build", "test_seeds", self.folder.name)
        target = ROOT / self.seeds
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ROOT / "seeds", target)
        written = [*target.glob("targets/*.csv"), *target.glob("backtests/*.csv")]
        for path in [*written, target / "finance" / "bookings_goals.csv"]:
            path.write_text(path.read_text().splitlines()[0] + "\n")
        for name, text in files.items():
            next(target.glob(f"*/{name}.csv")).write_text(text)

    def query(self, sql: str) -> Rows:
        with self.connect() as connection:
            return connection.execute(sql).fetchall()

    def value(self, sql: str) -> Any:
        return self.query(sql)[0][0]

    def truth(self) -> dict[str, Any]:
        return json.loads((self.folder / "truth.json").read_text())


def simulate(warehouse: Warehouse, **config: Any) -> None:
    """Land a simulated Salesforce in the warehouse."""
    warehouse.folder.mkdir(parents=True, exist_ok=True)
    with warehouse.connect() as connection:
        build_demo(connection, DemoConfig(**config), truth_path=warehouse.folder / "truth.json")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Provide a clean company of 4,000 opportunities, built once."""
    warehouse = Warehouse(tmp_path_factory.mktemp("demo"))
    simulate(warehouse, opportunities=4000, seed=11, as_of=date(2026, 8, 31))
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    return warehouse


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Provide a company of which two CRMs have every planted fault, built once from both."""
    warehouse = Warehouse(
        tmp_path_factory.mktemp("dirty"), vars={"crm_sources": ["salesforce", "hubspot"]}
    )
    simulate(
        warehouse, opportunities=1500, seed=12, as_of=date(2026, 8, 31), dirty=0.08, crm="both"
    )
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    return warehouse


@pytest.fixture(scope="session")
def both_crms(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Land one small company twice, as Salesforce and as HubSpot; nothing is built."""
    warehouse = Warehouse(tmp_path_factory.mktemp("both_crms"))
    simulate(warehouse, opportunities=700, seed=4, crm="both")
    return warehouse


@pytest.fixture(scope="session")
def hubspot(both_crms: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Build the small company from HubSpot."""
    warehouse = Warehouse(tmp_path_factory.mktemp("hubspot"), vars={"crm_sources": ["hubspot"]})
    shutil.copy(both_crms.path, warehouse.path)
    warehouse.dbt("build", "--exclude-resource-type", "unit_test", "test")
    return warehouse


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """Provide the SQL of every model, compiled once for each set of variables."""
    return CompiledModels(tmp_path_factory.mktemp("compiled"))


def sort_key(row: Sequence[Any]) -> tuple[tuple[bool, str], ...]:
    """Order rows of mixed types and nulls; floats by their leading digits."""
    return tuple(
        (cell is not None, f"{cell:.6g}" if isinstance(cell, float) else str(cell)) for cell in row
    )


def rounded(row: Sequence[Any]) -> tuple[Any, ...]:
    """Keep nine digits of floating point numbers, everything else exactly.

    The nudge takes the halves, quarters and so on, which are exact in binary, off the edge
    between two roundings.
    """
    nudge = 1 + 1e-12
    return tuple(float(f"{cell * nudge:.9g}") if isinstance(cell, float) else cell for cell in row)


def comparable(rows: Rows) -> Rows:
    """Rows in an order and precision in which two engines must agree to the letter."""
    return sorted((rounded(row) for row in rows), key=sort_key)


@dataclass(frozen=True)
class PostgresServer:
    port: int

    @property
    def address(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=unified_pipeline"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGDATABASE": "unified_pipeline",
            "UNIFIED_PIPELINE_TARGET": "postgres",
        }


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Start a server of our own on the loopback interface, and stop it afterwards."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        if os.environ.get("CI"):
            pytest.fail("CI must have PostgreSQL: .ci/run installs it")
        pytest.skip("PostgreSQL's server programs are not installed (apt-get install postgresql)")
    # Not in pytest's folder, whose rights pytest resets: the server's user must keep its way in.
    folder = Path(tempfile.mkdtemp(prefix="unified_pipeline_postgres_"))
    folder.chmod(0o755)
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def server(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_user, str(programs[-1] / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )

    data = str(folder / "data")
    server("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    server("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        server("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "unified_pipeline")
        yield PostgresServer(port)
    finally:
        server("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def contracts_that_differ(
    here: Warehouse, there: Warehouse, server: PostgresServer, schema: str
) -> list[str]:
    """Land HubSpot's raw tables on a server and build the CRM contract there: where it differs.

    Compared is every row of every staging and contract table; `here` is built on DuckDB.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        project = DbtProject(Path.cwd(), there.profiles_dir())
        with here.connect() as raw:
            publish_raw(raw, "hubspot", project.connection(), schema)
    there.dbt("run", "--select", "path:models/staging", "path:models/crm")
    tables = here.query(
        "select table_schema, table_name, string_agg(column_name, ', ' order by ordinal_position) "
        "from information_schema.columns where table_name like 'stg%' or table_schema = 'crm' "
        "group by all order by 1, 2"
    )
    assert len(tables) > 16
    differing = []
    with psycopg2.connect(server.address) as connection, connection.cursor() as cursor:
        for layer, table, columns in tables:
            cursor.execute(f"select {columns} from {schema}_{layer}.{table}")
            expected = comparable(here.query(f"select {columns} from {layer}.{table}"))
            if comparable(cursor.fetchall()) != expected:
                differing.append(f"{layer}.{table}")
    return differing
