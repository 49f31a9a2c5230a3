"""Warehouses to test on: each is a database of its own, built by dbt like any user's."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import psycopg2
import pytest

from compiled import CompiledModels
from dbt_runs import NO_ARTIFACTS, QUIET, Parsed, alone, run
from reverse_funnel.demo import DemoConfig, build_demo
from reverse_funnel.warehouse import DbtProject, publish_raw

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
Rows = list[tuple[Any, ...]]
WITHOUT_ARTIFACTS = {"build", "run", "seed", "test", "plan", "backtest", "headlines", "load"}
"""Commands whose JSON files no test reads."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long first, so that the processes of `pytest -n` end together."""
    weighs = {"postgres": 2, "dbt": 1}
    weight: dict[Path, int] = {}
    for item in items:
        marks = [weighs.get(mark.name, 0) for mark in item.iter_markers()]
        weight[item.path] = max([weight.get(item.path, 0), *marks])
    items.sort(key=lambda item: -weight[item.path])


@dataclass
class Warehouse:
    """One database with everything dbt needs to build it, apart from every other."""

    folder: Path
    vars: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    seeds: Path = Path("seeds")

    parsed: ClassVar[Parsed | None] = None
    """What dbt has read for any warehouse of this session."""
    _parsed_as: dict[str, Any] | None = field(default=None, init=False, repr=False)

    @property
    def path(self) -> Path:
        return self.folder / "unified_pipeline.duckdb"

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.path), config={"storage_compatibility_version": "v1.4.0"})

    def variables(self) -> dict[str, str]:
        """Return the environment in which commands see this warehouse and no other."""
        return (
            dict(os.environ)
            | QUIET
            | {
                "UNIFIED_PIPELINE_DB": str(self.path),
                "DBT_PROFILES_DIR": str(self.profiles_dir()),
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "DBT_LOG_PATH": str(self.folder / "logs"),
                "UNIFIED_PIPELINE_SEEDS": str(self.seeds),
            }
            | self.environment
        )

    def run_until(self, line: str, *command: str) -> None:
        """Start a command and kill it as soon as it prints a line that matches."""
        with subprocess.Popen(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            cwd=ROOT,
            env=self.variables(),
            stdout=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdout
            seen = next((text for text in running.stdout if re.search(line, text)), None)
            running.kill()
        assert seen, f"no line matched {line}"

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment (dbt, reverse-funnel) against this warehouse."""
        environment = self.variables()
        if WITHOUT_ARTIFACTS.intersection(command):
            environment = NO_ARTIFACTS | environment
        with self._parsing(command):
            done = run(command, cwd=ROOT, env=environment)
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}")
        return done

    @contextmanager
    def _parsing(self, command: Sequence[str]) -> Iterator[None]:
        """Let a command start from what dbt has read for another warehouse like this one."""
        like = {"vars": self.vars, "seeds": self.seeds, "environment": self.environment}
        target = self.folder / "target"
        if self.parsed and self._parsed_as != like:
            self.parsed.give(target, **like)
        yield
        # dbt's own command line may have had other variables, and so may the package's commands.
        if self.parsed and command[0] == "dbt" and list(command).count("--vars") == bool(self.vars):
            self._parsed_as = like
            self.parsed.keep(target, **like)
        else:
            self._parsed_as = None

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
        process = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.seeds = Path("build", "test_seeds", process, self.folder.name)
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
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of a session share (`pytest -n 2` has two)."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session", autouse=True)
def _apart(session_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what dbt writes out of the checkout, where processes would write the same files."""
    Warehouse.parsed = Parsed(session_folder / "parsed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_TARGET_PATH", str(tmp_path_factory.mktemp("target")))
        patch.setenv("DBT_LOG_PATH", str(tmp_path_factory.mktemp("logs")))
        yield


@pytest.fixture(scope="session")
def build_once(
    session_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Warehouse]:
    """Return a function that builds a warehouse for all processes and gives each a copy of it.

    DuckDB lets one process at a time open a file.
    """

    def give(name: str, build: Callable[[Warehouse], None], **options: Any) -> Warehouse:
        built = session_folder / "built" / name
        with alone(built.with_suffix(".lock")):
            if not built.exists():
                warehouse = Warehouse(tmp_path_factory.mktemp(name), **options)
                build(warehouse)
                built.parent.mkdir(exist_ok=True)
                warehouse.folder.rename(built)
        copy = tmp_path_factory.mktemp(name)
        shutil.copytree(built, copy, dirs_exist_ok=True)
        return Warehouse(copy, **options)

    return give


@pytest.fixture(scope="session")
def demo(build_once: Callable[..., Warehouse]) -> Warehouse:
    """Provide a clean company of 4,000 opportunities, built once."""

    def build(warehouse: Warehouse) -> None:
        simulate(warehouse, opportunities=4000, seed=11, as_of=date(2026, 8, 31))
        warehouse.dbt("build", "--exclude-resource-type", "unit_test")

    return build_once("demo", build)


@pytest.fixture(scope="session")
def dirty(build_once: Callable[..., Warehouse]) -> Warehouse:
    """Provide a company of which two CRMs have every planted fault, built once from both."""

    def build(warehouse: Warehouse) -> None:
        simulate(
            warehouse, opportunities=1500, seed=12, as_of=date(2026, 8, 31), dirty=0.08, crm="both"
        )
        warehouse.dbt("build", "--exclude-resource-type", "unit_test")

    return build_once("dirty", build, vars={"crm_sources": ["salesforce", "hubspot"]})


@pytest.fixture(scope="session")
def both_crms(build_once: Callable[..., Warehouse]) -> Warehouse:
    """Land one small company twice, as Salesforce and as HubSpot; nothing is built."""
    return build_once("both_crms", lambda w: simulate(w, opportunities=700, seed=4, crm="both"))


@pytest.fixture(scope="session")
def hubspot(both_crms: Warehouse, build_once: Callable[..., Warehouse]) -> Warehouse:
    """Build the small company from HubSpot."""

    def build(warehouse: Warehouse) -> None:
        shutil.copy(both_crms.path, warehouse.path)
        warehouse.dbt("build", "--exclude-resource-type", "unit_test", "test")

    return build_once("hubspot", build, vars={"crm_sources": ["hubspot"]})


@pytest.fixture(scope="session")
def compiled(session_folder: Path) -> CompiledModels:
    """Provide the SQL of every model, compiled once for each set of variables."""
    return CompiledModels(session_folder / "compiled", Parsed(session_folder / "parsed"))


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
    here: Warehouse, there: Warehouse, server: PostgresServer, schema: str, crm: str = "hubspot"
) -> list[str]:
    """Land a CRM's raw tables on a server and build the CRM contract there: where it differs.

    Compared is every row of every staging and contract table; `here` is built on DuckDB.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        project = DbtProject(Path.cwd(), there.profiles_dir())
        with here.connect() as raw:
            publish_raw(raw, crm, project.connection(), schema)
    there.dbt("run", "--select", "path:models/staging", "path:models/crm")
    tables = here.query(
        "select table_schema, table_name, string_agg(column_name, ', ' order by ordinal_position) "
        "from information_schema.columns "
        "where (table_name like 'stg%' or table_schema = 'crm') and column_name <> 'fingerprint' "
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
