"""The dbt project as seen from Python: where it is, what its vars say, and how to query it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from reverse_funnel.errors import Fault, InputError, ReverseFunnelError
from reverse_funnel.warehouse.profile import (
    ConnectionInfo,
    Renderer,
    dbt_environment,
    find_profiles_dir,
    load_yaml,
    read_connection,
)

PROJECT_FILE = "dbt_project.yml"
PROJECT_NAME = "unified_pipeline"

Row = dict[str, Any]


class DbtProject:
    """A dbt project and the database behind it.

    Parameters
    ----------
    project_dir
        Folder of dbt_project.yml; by default looked for from the current folder upwards.
    profiles_dir
        Folder of profiles.yml; see `profile.find_profiles_dir` for where it is looked for.
    target
        Target of the profile; by default the profile's own.
    vars
        Values that take precedence over the `vars` of dbt_project.yml.

    """

    def __init__(
        self,
        project_dir: Path | None = None,
        profiles_dir: Path | None = None,
        target: str | None = None,
        vars: Mapping[str, Any] | None = None,
    ) -> None:
        self.project_dir = find_project_dir(project_dir)
        self.target = target
        self._profiles_dir = profiles_dir
        self._overrides = dict(vars or {})

    @cached_property
    def _definition(self) -> dict[str, Any]:
        return load_yaml(self.project_dir / PROJECT_FILE)

    @cached_property
    def vars(self) -> Mapping[str, Any]:
        """The project's vars with the overrides applied; those of the project's own name win."""
        declared = self._definition.get("vars") or {}
        own = declared.get(PROJECT_NAME) or {}
        shared = {name: value for name, value in declared.items() if name != PROJECT_NAME}
        return {**shared, **own, **self._overrides}

    @cached_property
    def profiles_dir(self) -> Path:
        """The folder of profiles.yml."""
        return find_profiles_dir(self.project_dir, self._profiles_dir)

    @cached_property
    def seeds_dir(self) -> Path:
        """The folder of the seeds: mappings, policies, goals and targets."""
        render = Renderer(file=self.project_dir / PROJECT_FILE, variables=self.vars)
        paths = render(self._definition.get("seed-paths") or ["seeds"])
        return self.project_dir / str(paths[0])

    def connection(self) -> ConnectionInfo:
        """Return the database of the chosen target, for the commands that write raw tables."""
        return read_connection(
            self.profiles_dir,
            dbt_environment("PROFILE") or str(self._definition.get("profile", PROJECT_NAME)),
            project_dir=self.project_dir,
            target=self.target,
            project_vars=self.vars,
        )

    def query(self, sql: str) -> list[Row]:
        """Run a query through dbt and return its rows, column names in lower case.

        `sql` may use `{{ ref('…') }}` and anything else dbt can compile. Costs about 3 s the first
        time in a process (dbt's import and parse), 0.5 s after that, and 0.1 ms a row: ask for few,
        whole answers. Numbers come back as int or Decimal, times as date and datetime.

        Raises `ReverseFunnelError` with dbt's own message when the query fails.
        """
        result = self._invoke(
            *("show", "--inline", sql, "--limit", "-1", "--output", "json"),
            failure="dbt could not answer",
        )
        return _rows(result.results[-1].agate_table)

    def with_vars(self, **vars: Any) -> DbtProject:
        """Return the same project with these vars over its own."""
        return DbtProject(
            self.project_dir, self._profiles_dir, self.target, {**self._overrides, **vars}
        )

    def build(self, select: str) -> None:
        """Build the selected seeds and models, without tests.

        `select` is dbt's own selection syntax, such as `+forecasts`. Raises `ReverseFunnelError`
        with dbt's own message when something cannot be built.
        """
        self._invoke(
            *("build", "--select", select, "--exclude-resource-type", "test", "unit_test"),
            failure=f"dbt could not build {select}",
        )

    def run_operation(self, macro: str) -> None:
        """Run a macro without arguments; raises `ReverseFunnelError` where it fails."""
        self._invoke("run-operation", macro, failure=f"dbt could not run {macro}")

    def files_of(self, select: str) -> list[Path]:
        """Return the files of the selected seeds and models, in dbt's order."""
        listed = self._invoke(
            *("ls", "--select", select, "--resource-types", "model", "seed", "--output", "path"),
            failure=f"dbt could not list {select}",
        )
        return [self.project_dir / path for path in listed]

    def _invoke(self, *command: str, failure: str) -> Any:
        """Run a dbt command in this process, in silence, and return its result."""
        runner, errors = _runner()
        arguments = [
            *("--log-level", "none", "--no-use-colors", "--no-send-anonymous-usage-stats"),
            *("--quiet", *command),
            *("--project-dir", str(self.project_dir), "--profiles-dir", str(self.profiles_dir)),
        ]
        if self.target:
            arguments += ["--target", self.target]
        if self._overrides:
            arguments += ["--vars", json.dumps(self._overrides)]
        errors.clear()
        try:
            # A relative database path means relative to the project, so dbt must stand there.
            with contextlib.chdir(self.project_dir):
                outcome = runner.invoke(arguments)
                if outcome.success and outcome.result is not None:
                    return outcome.result
                raise ReverseFunnelError(
                    f"{failure}: {_complaint(outcome, errors)}",
                    remedy="if the warehouse has not been built yet, run `dbt build` first",
                )
        finally:
            _release_connections()


def find_project_dir(project_dir: Path | None = None) -> Path:
    """Return the folder of this project's dbt_project.yml.

    As given (or in `DBT_PROJECT_DIR`), else the nearest one from the current folder upwards.
    Raises `InputError` when there is none.
    """
    if named := project_dir or dbt_environment("PROJECT_DIR"):
        folder = Path(named).resolve()
        if _is_project(folder):
            return folder
        raise InputError(
            Fault(
                file=folder / PROJECT_FILE,
                problem=f"is not the project {PROJECT_NAME}",
                remedy="name the folder that holds it with --project-dir",
            )
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _is_project(folder):
            return folder
    raise InputError(
        Fault(
            file=PROJECT_FILE,
            problem=f"no dbt project named {PROJECT_NAME} in {here} or above it",
            remedy="change to the project's folder, or name it with --project-dir",
        )
    )


def _is_project(folder: Path) -> bool:
    path = folder / PROJECT_FILE
    return path.is_file() and load_yaml(path).get("name") == PROJECT_NAME


def _runner() -> tuple[Any, list[str]]:
    """Return dbt's in-process runner and the list its error messages are put into."""
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    # Imported here, because it takes two seconds and must not phone home.
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    errors: list[str] = []

    def note_errors(event: Any) -> None:
        if event.info.level == "error":
            errors.append(event.info.msg)

    return dbtRunner(callbacks=[note_errors]), errors


def _rows(table: Any) -> list[Row]:
    names = [name.lower() for name in table.column_names]
    return [dict(zip(names, row.values(), strict=True)) for row in table.rows]


def _complaint(outcome: Any, errors: list[str]) -> str:
    """Return dbt's account of a failure: the exception, the failed nodes, the logged errors."""
    said = [str(outcome.exception)] if outcome.exception is not None else []
    results = getattr(outcome.result, "results", None) or []
    said += [str(result.message) for result in results if result.message]
    said += [error.strip() for error in errors]
    # The log repeats an exception with a heading over it.
    told: list[str] = []
    for text in said:
        if text and not any(
            " ".join(earlier.split()) in " ".join(text.split()) for earlier in told
        ):
            told.append(text)
    return "\n".join(told) or "no reason given"


def _release_connections() -> None:
    """Let go of the database: a DuckDB file held open keeps every other process out."""
    from dbt.adapters.factory import reset_adapters  # noqa: PLC0415

    reset_adapters()  # type: ignore[no-untyped-call]
    if duckdb_adapter := sys.modules.get("dbt.adapters.duckdb.connections"):
        duckdb_adapter.DuckDBConnectionManager.close_all_connections()
