"""The project's own SQL on small data, in milliseconds.

dbt compiles every model once, against an empty database. A lab is then a database in memory that
holds the tables a test gives it, and in which the compiled SELECT of any model is run as dbt would
run it, without dbt's seconds:

    with compiled().lab() as lab:
        lab.table("int_estimates__spells", rows=[{"cell_key": 1, "from_stage": 2, ...}, ...])
        lab.empty("int_estimates__amounts")
        lab.seed("cell_levels")
        lab.run("int_estimates__curves", "int_estimates__rates")
        lab.query("select rate from intermediate.int_estimates__rates")

Models and seeds go by the names dbt knows them by; which schema they lie in, dbt decides. A table
that is given has the columns and types of the real model, so a test names only the columns that
matter and cannot name one that is not there. Nothing here imports pytest, so that benchmarks can
use it too.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
from numpy.typing import NDArray

from dbt_runs import QUIET, Parsed, alone, run

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "unified_pipeline"
"""The name of the database that the SQL is compiled for; a lab puts its own in its place."""

Values = Sequence[Any] | NDArray[Any] | str | int | float | None
"""A column: its values, or one value for every row."""


@dataclass(frozen=True)
class Relation:
    """A model or a seed: its schema, the SQL that makes it, and what that reads."""

    schema: str
    sql: str
    parents: tuple[str, ...]


class Lab:
    """One database in memory. Close it, or use it in a ``with`` statement."""

    def __init__(self, sql: CompiledSql, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        self.sql = sql
        self.connection = connection
        self.name = name
        schemas = {relation.schema for relation in sql.relations.values()}
        connection.execute(
            f"attach ':memory:' as {name}; use {name};"
            + "".join(f"create schema if not exists {schema};" for schema in sorted(schemas))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the database."""
        self.connection.execute(f"use memory; detach {self.name}")
        self.connection.close()

    def table(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any]] | None = None,
        columns: Mapping[str, Values] | None = None,
    ) -> None:
        """Put a table in the place of a model or seed, from ``rows`` or from ``columns``.

        What is not given is null. Of ``columns`` at least one is an array or a list; a single
        value is repeated. Raises ``KeyError`` for a column that the model does not have.
        """
        types = self.sql.types(name)
        arrays = _from_rows(rows) if rows is not None else _from_columns(columns or {})
        if unknown := arrays.keys() - types.keys():
            raise KeyError(f"{name} has no {', '.join(sorted(unknown))}; it has {list(types)}")
        if not arrays:
            self.empty(name)
            return
        selected = ", ".join(
            f"cast({column if column in arrays else 'null'} as {kind}) as {column}"
            for column, kind in types.items()
        )
        self.connection.register("given", arrays)
        self.connection.execute(
            f"create or replace table {self._at(name)} as select {selected} from given"
        )
        self.connection.unregister("given")

    def empty(self, *names: str) -> None:
        """Put empty tables in the place of models or seeds."""
        for name in names:
            listed = ", ".join(f"{column} {kind}" for column, kind in self.sql.types(name).items())
            self.connection.execute(f"create or replace table {self._at(name)} ({listed})")

    def seed(self, *names: str) -> None:
        """Load seeds of the project as they are in its seeds folder."""
        self.run(*names)

    def run(self, *names: str) -> None:
        """Build models, or seeds, in the order given."""
        for name in names:
            sql = self.sql.relations[name].sql.replace(f'"{DATABASE}".', f'"{self.name}".')
            self.connection.execute(f"create or replace table {self._at(name)} as\n{sql}")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query; relations are named with their schema."""
        return self.connection.execute(sql).fetchall()

    def arrays(self, sql: str) -> dict[str, NDArray[Any]]:
        """Columns of a query; a number that is null becomes NaN."""
        found = self.connection.execute(sql).fetchnumpy()
        return {name: _without_nulls(array) for name, array in found.items()}

    def _at(self, name: str) -> str:
        return f"{self.name}.{self.sql.relations[name].schema}.{name}"


class CompiledSql:
    """All models, compiled with one set of variables."""

    def __init__(self, relations: Mapping[str, Relation]) -> None:
        self.relations = relations
        # One thread: the data are small, and a thread costs more than it saves.
        self._instance = duckdb.connect(":memory:", config={"threads": 1})
        self._numbers = itertools.count()
        self._types: dict[str, dict[str, str]] = {}
        self._nothing = self.lab()

    def lab(self) -> Lab:
        """Open an empty database with the project's schemas."""
        return Lab(self, self._instance.cursor(), f"lab_{next(self._numbers)}")

    def types(self, name: str) -> Mapping[str, str]:
        """SQL types of a relation's columns, found by building it for a company without data."""
        if name not in self._types:
            for parent in self.relations[name].parents:
                self.types(parent)
            self._nothing.run(name)
            described = self._nothing.query(f"describe {self.relations[name].schema}.{name}")
            self._types[name] = {column: kind for column, kind, *_ in described}
        return self._types[name]


class CompiledModels:
    """Compiles the project in ``folder``, once for each set of variables asked for.

    ``select`` are dbt's selectors of what is compiled, everything by default. Where raw tables lie
    in the folder's database, staging is compiled for them. Several processes may share a folder.
    ``parsed`` is what dbt has read of the project before.
    """

    def __init__(
        self,
        folder: Path,
        parsed: Parsed | None = None,
        select: Sequence[str] = ("resource_type:model", "resource_type:analysis"),
    ) -> None:
        self.folder = folder
        self.parsed = parsed or Parsed(folder / "parsed")
        self.select = tuple(select)
        self._compiled: dict[str, CompiledSql] = {}

    def __call__(self, variables: Mapping[str, Any] | None = None) -> CompiledSql:
        """Return the SQL of all models, with ``variables`` in the place of the project's own."""
        key = json.dumps(variables or {}, sort_keys=True)
        if key not in self._compiled:
            digest = hashlib.sha256(key.encode()).hexdigest()[:16]
            target, done = self.folder / digest, self.folder / f"{digest}.done"
            with alone(self.folder / f"{digest}.lock"):
                if not done.exists():
                    self._compile(key, target)
                    done.touch()
            manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
            self._compiled[key] = CompiledSql(_relations(manifest["nodes"]))
        return self._compiled[key]

    def _compile(self, variables: str, target: Path) -> None:
        # Another process may be compiling with other variables in the same folder, and DuckDB lets
        # one process at a time open a file: all that dbt opens is a copy, beside what it writes.
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "profiles.yml.example", target / "profiles.yml")
        landed, database = (folder / f"{DATABASE}.duckdb" for folder in (self.folder, target))
        if landed.exists():
            shutil.copy(landed, database)
        like = {"vars": json.loads(variables), "seeds": Path("seeds"), "environment": {}}
        self.parsed.give(target, **like)
        done = run(
            [*("dbt", "--no-use-colors", "compile", "--select"), *self.select, "--vars", variables],
            cwd=ROOT,
            env=os.environ
            | QUIET
            | {
                "UNIFIED_PIPELINE_TARGET": "duckdb",
                "UNIFIED_PIPELINE_DB": str(database),
                "DBT_PROFILES_DIR": str(target),
                "DBT_TARGET_PATH": str(target),
                "DBT_LOG_PATH": str(target / "logs"),
            },
        )
        if done.returncode:
            raise RuntimeError(f"dbt compile failed\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}")
        self.parsed.keep(target, **like)


def _relations(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, Relation]:
    return {
        node["name"]: Relation(
            schema=node["schema"],
            sql=_read_seed(node) if node["resource_type"] == "seed" else node["compiled_code"],
            parents=tuple(
                nodes[parent]["name"]
                for parent in node["depends_on"].get("nodes", [])
                if parent in nodes
            ),
        )
        for node in nodes.values()
        if node["resource_type"] == "seed"
        or (node["resource_type"] in {"model", "analysis"} and "compiled_code" in node)
    }


def _read_seed(node: Mapping[str, Any]) -> str:
    """SELECT a seed from its file, with the types it is given in its YAML."""
    path = ROOT / node["original_file_path"]
    header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    types = node["config"].get("column_types", {})
    selected = ", ".join(
        f"cast({name} as {types.get(name, 'varchar')}) as {name}" for name in header
    )
    return f"select {selected} from read_csv('{path}', header = true, all_varchar = true)"


def _from_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    listed = list(rows)
    names = dict.fromkeys(name for row in listed for name in row)
    return {name: _objects([row.get(name) for row in listed]) for name in names}


def _from_columns(columns: Mapping[str, Values]) -> dict[str, NDArray[Any]]:
    listed = {name: _objects(values) for name, values in columns.items() if not _is_single(values)}
    length = len(next(iter(listed.values()), ()))
    return {
        name: listed[name] if name in listed else _objects([value] * length)
        for name, value in columns.items()
    }


def _without_nulls(array: NDArray[Any]) -> NDArray[Any]:
    if isinstance(array, np.ma.MaskedArray) and array.dtype.kind in "fiu":
        return np.where(np.ma.getmaskarray(array), np.nan, np.asarray(array, dtype=np.float64))
    return np.asarray(array)


def _is_single(values: Any) -> bool:
    return isinstance(values, str) or not isinstance(values, Sequence | np.ndarray)


def _objects(values: Any) -> NDArray[Any]:
    """Values as an array that the database reads: numbers and dates as they are, else objects."""
    if isinstance(values, np.ndarray):
        return values.astype("datetime64[us]") if values.dtype.kind == "M" else values
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
