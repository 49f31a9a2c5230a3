"""The project's own SQL on small data, in milliseconds.

dbt compiles every model once, against an empty database. A lab is then a database in memory that
holds the tables a test gives it, and in which the compiled SELECT of any model is run as dbt would
run it, without dbt's seconds:

    lab = compiled().lab()
    lab.table("int_estimates__windows", rows=[{"estimation_window": "all_time", ...}])
    lab.seed("cell_levels")
    lab.run("int_estimates__curves", "int_estimates__rates")
    lab.query("select rate from intermediate.int_estimates__rates")

Models and seeds go by the names dbt knows them by; which schema they lie in, dbt decides. Nothing
here imports pytest, so that benchmarks use it too.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "unified_pipeline"
"""The name of the database that the SQL is compiled for; a lab puts its own in its place."""

Values = Sequence[Any] | NDArray[Any] | str | int | float | None


@dataclass(frozen=True)
class Relation:
    """A model or a seed: its schema, and the SQL that makes it."""

    schema: str
    sql: str


@dataclass
class Lab:
    """One database in memory. Close it, or use it in a ``with`` statement."""

    relations: Mapping[str, Relation]
    connection: duckdb.DuckDBPyConnection
    name: str

    def __post_init__(self) -> None:
        schemas = {relation.schema for relation in self.relations.values()}
        self.connection.execute(
            f"attach ':memory:' as {self.name}; use {self.name};"
            + "".join(f"create schema {schema};" for schema in sorted(schemas - {"main"}))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the database."""
        self.connection.execute(f"use memory; detach {self.name}")
        self.connection.close()

    def table(
        self,
        relation: str,
        rows: Iterable[Mapping[str, Any]] | None = None,
        columns: Mapping[str, Values] | None = None,
        types: Mapping[str, str] | None = None,
    ) -> None:
        """Create the input table ``relation`` from ``rows`` or from ``columns``.

        A row may leave out columns that another has: they are null. Of ``columns`` at least one
        is an array or a list, and a single value is repeated. ``types`` names the SQL types of
        columns whose values do not tell; with no rows and no columns it makes an empty table.
        """
        at = self._at(relation)
        types = types or {}
        arrays = _arrays(rows, columns)
        if not arrays:
            listed = ", ".join(f"{name} {kind}" for name, kind in types.items())
            self.connection.execute(f"create or replace table {at} ({listed})")
            return
        selected = ", ".join(
            f"cast({name} as {types[name] if name in types else 'date'}) as {name}"
            if name in types or array.dtype.kind == "M"
            else name
            for name, array in arrays.items()
        )
        readable = {
            name: array.astype("datetime64[us]") if array.dtype.kind == "M" else array
            for name, array in arrays.items()
        }
        self.connection.register("given", readable)
        self.connection.execute(f"create or replace table {at} as select {selected} from given")
        self.connection.unregister("given")

    def seed(self, *names: str) -> None:
        """Load seeds of the project as they are in its seeds folder."""
        self.run(*names)

    def run(self, *names: str) -> None:
        """Build models, or seeds, in the order given."""
        for name in names:
            sql = self.relations[name].sql.replace(f'"{DATABASE}".', f'"{self.name}".')
            self.connection.execute(f"create or replace table {self._at(name)} as\n{sql}")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query; relations are named with their schema."""
        return self.connection.execute(sql).fetchall()

    def arrays(self, sql: str) -> dict[str, NDArray[Any]]:
        """Columns of a query of numbers; a null becomes NaN."""
        found = self.connection.execute(sql).fetchnumpy()
        return {
            name: array.astype(np.float64).filled(np.nan)
            if isinstance(array, np.ma.MaskedArray) and array.dtype.kind in "fiu"
            else np.asarray(array)
            for name, array in found.items()
        }

    def _at(self, relation: str) -> str:
        return f"{self.name}.{self.relations[relation].schema}.{relation}"


@dataclass
class CompiledSql:
    """All models, compiled with one set of variables."""

    relations: Mapping[str, Relation]
    _instance: duckdb.DuckDBPyConnection = field(init=False)
    _numbers: itertools.count[int] = field(init=False, default_factory=itertools.count)

    def __post_init__(self) -> None:
        # One thread: the data are small, and a thread costs more than it saves.
        self._instance = duckdb.connect(":memory:", config={"threads": 1})

    def lab(self) -> Lab:
        """Open an empty database with the project's schemas."""
        return Lab(self.relations, self._instance.cursor(), f"lab_{next(self._numbers)}")


@dataclass
class CompiledModels:
    """Compiles the project, once for each set of variables asked for."""

    folder: Path
    _compiled: dict[str, CompiledSql] = field(default_factory=dict)

    def __call__(self, vars: Mapping[str, Any] | None = None) -> CompiledSql:
        """Return the SQL of all models, with ``vars`` in the place of the project's own."""
        key = json.dumps(vars or {}, sort_keys=True)
        if key not in self._compiled:
            target = self.folder / f"target_{len(self._compiled)}"
            self._compile(key, target)
            manifest = json.loads((target / "manifest.json").read_text())
            self._compiled[key] = CompiledSql(_relations(manifest["nodes"].values()))
        return self._compiled[key]

    def _compile(self, variables: str, target: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "profiles.yml.example", self.folder / "profiles.yml")
        command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", "compile"]
        done = subprocess.run(
            [*command, "--select", "resource_type:model", "--vars", variables],
            cwd=ROOT,
            env=os.environ
            | {
                "UNIFIED_PIPELINE_TARGET": "duckdb",
                "UNIFIED_PIPELINE_DB": str(self.folder / f"{DATABASE}.duckdb"),
                "DBT_PROFILES_DIR": str(self.folder),
                "DBT_TARGET_PATH": str(target),
                "DBT_LOG_PATH": str(self.folder / "logs"),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"dbt compile failed\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}")


def _relations(nodes: Iterable[Mapping[str, Any]]) -> dict[str, Relation]:
    relations = {}
    for node in nodes:
        if node["resource_type"] == "model":
            sql = node["compiled_code"]
        elif node["resource_type"] == "seed":
            sql = _read_seed(node)
        else:
            continue
        relations[node["name"]] = Relation(node["schema"], sql)
    return relations


def _read_seed(node: Mapping[str, Any]) -> str:
    """SELECT a seed from its file, with the types it is given in its YAML."""
    path = ROOT / node["original_file_path"]
    header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    types = node["config"].get("column_types", {})
    selected = ", ".join(
        f"cast({name} as {types[name]}) as {name}" if name in types else name for name in header
    )
    return f"select {selected} from read_csv('{path}', header = true, all_varchar = true)"


def _arrays(
    rows: Iterable[Mapping[str, Any]] | None, columns: Mapping[str, Values] | None
) -> dict[str, NDArray[Any]]:
    if rows is not None:
        listed = list(rows)
        names = dict.fromkeys(name for row in listed for name in row)
        return {name: _objects([row.get(name) for row in listed]) for name in names}
    given = {
        name: values if isinstance(values, np.ndarray) else _objects(values)
        for name, values in (columns or {}).items()
        if isinstance(values, np.ndarray) or not _is_single(values)
    }
    if not given:
        return {}
    length = len(next(iter(given.values())))
    return {
        name: given[name] if name in given else _objects([values] * length)
        for name, values in (columns or {}).items()
    }


def _is_single(values: Any) -> bool:
    return isinstance(values, str) or not isinstance(values, Sequence)


def _objects(values: Any) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
