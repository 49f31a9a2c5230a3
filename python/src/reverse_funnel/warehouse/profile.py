"""Reading profiles.yml: which database the project speaks to.

dbt renders its profile with Jinja (`env_var`, `var`, `as_number`, `as_bool`, `as_native`); so does
this module, without the 1.5 s that importing dbt costs. Only commands that write raw tables need
it: queries go through dbt, which reads the profile for itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import yaml  # type: ignore[import-untyped]

from reverse_funnel.errors import Fault, InputError
from reverse_funnel.text import short_path

PROFILES_FILE = "profiles.yml"


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """A resolved output of profiles.yml.

    `settings` holds the output as rendered, passwords included; what may be shown is `describe()`.
    """

    target: str
    type: str
    settings: Mapping[str, Any] = field(repr=False)
    project_dir: Path

    @property
    def database_path(self) -> Path:
        """The DuckDB file. A relative path is relative to the project, wherever dbt is started.

        Raises `InputError` where the target has none, being in memory or in the cloud.
        """
        path = str(self.settings.get("path") or ":memory:")
        if path.startswith((":memory:", "md:", "motherduck:")):
            raise InputError(
                Fault(
                    file=PROFILES_FILE,
                    problem=f"target {self.target} has no database file",
                    remedy="set its path, such as warehouse/unified_pipeline.duckdb",
                )
            )
        return self.project_dir / path

    def describe(self) -> str:
        """Return where the data lies, fit to be printed: file, or host and database."""
        if self.type == "duckdb":
            return short_path(self.database_path)
        host = self.settings.get("host") or self.settings.get("account") or ""
        database = self.settings.get("dbname") or self.settings.get("database") or ""
        port = f":{self.settings['port']}" if self.settings.get("port") else ""
        return f"{self.type}://{host}{port}/{database}"


def find_profiles_dir(project_dir: Path, profiles_dir: Path | None = None) -> Path:
    """Return the folder that holds profiles.yml.

    As given (or in `DBT_PROFILES_DIR`), else the project's, the current one, or `~/.dbt`.
    Raises `InputError` when there is none.
    """
    named = profiles_dir or dbt_environment("PROFILES_DIR")
    places = [Path(named)] if named else [project_dir, Path.cwd(), Path.home() / ".dbt"]
    for place in places:
        if (place / PROFILES_FILE).is_file():
            return place.resolve()
    looked_in = ", ".join(dict.fromkeys(str(place) for place in places))
    raise InputError(
        Fault(
            file=PROFILES_FILE,
            problem=f"not found (looked in {looked_in})",
            remedy=f"copy {PROFILES_FILE}.example to {PROFILES_FILE}, or name its folder with "
            "--profiles-dir",
        )
    )


def dbt_environment(option: str) -> str | None:
    """Return an option of dbt given by environment variable, under either of dbt's names for it."""
    return os.environ.get(f"DBT_ENGINE_{option}") or os.environ.get(f"DBT_{option}")


def read_connection(
    profiles_dir: Path,
    profile: str,
    *,
    project_dir: Path,
    target: str | None = None,
    project_vars: Mapping[str, Any] | None = None,
) -> ConnectionInfo:
    """Return the output that dbt would use, rendered.

    Raises `InputError` naming the profile, the target or the environment variable that is missing.
    """
    path = profiles_dir / PROFILES_FILE
    profiles = load_yaml(path)
    render = Renderer(file=path, variables=project_vars or {})
    if not isinstance(profiles.get(profile), Mapping):
        raise InputError(
            Fault(
                file=path,
                problem=f"no profile named {profile}",
                remedy=f"copy {PROFILES_FILE}.example to {PROFILES_FILE}",
            )
        )
    body = profiles[profile]
    name = target or dbt_environment("TARGET") or str(render(body.get("target", "default")))
    outputs = body.get("outputs") or {}
    if name not in outputs:
        raise InputError(
            Fault(
                file=path,
                problem=f"profile {profile} has no target named {name}",
                remedy=f"use --target with one of: {', '.join(outputs) or 'none is defined'}",
            )
        )
    settings = render(outputs[name])
    return ConnectionInfo(
        target=name,
        type=str(settings.get("type", "")),
        settings=settings,
        project_dir=project_dir,
    )


def load_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML file's mapping; `InputError` where it cannot be read as one."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            Fault(
                file=path,
                row=mark.line + 1 if mark else None,
                problem=f"is not valid YAML: {getattr(error, 'problem', None) or error}",
                remedy="correct the file",
            )
        ) from error
    if not isinstance(content, dict):
        raise InputError(Fault(file=path, problem="is empty", remedy="restore the file"))
    return content


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders the Jinja of profiles.yml and dbt_project.yml, in the part of it they use."""

    file: Path
    variables: Mapping[str, Any]

    def __call__(self, value: Any) -> Any:
        """Return `value` with every string inside it rendered."""
        if isinstance(value, Mapping):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, str) and ("{{" in value or "{%" in value):
            return self._render(value)
        return value

    def _render(self, template: str) -> Any:
        casts: list[Callable[[str], Any]] = []

        def cast_to(kind: Callable[[str], Any]) -> Callable[[Any], Any]:
            def note(value: Any) -> Any:
                casts.append(kind)
                return value

            return note

        environment = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined)
        environment.filters.update(
            as_number=cast_to(_number),
            as_bool=cast_to(lambda text: text.strip().lower() == "true"),
            as_native=cast_to(_native),
            as_text=lambda value: value,
        )
        environment.globals.update(env_var=self._env_var, var=self._var)
        try:
            text = environment.from_string(template).render()
        except jinja2.TemplateError as error:
            raise InputError(
                Fault(
                    file=self.file,
                    problem=f"could not render {template!r}: {error}",
                    remedy="correct the expression",
                )
            ) from error
        return casts[-1](text) if casts else text

    def _env_var(self, name: str, default: str | None = None) -> str:
        value = os.environ.get(name, default)
        if value is None:
            raise InputError(
                Fault(
                    file=self.file,
                    problem=f"needs the environment variable {name}",
                    remedy=f"set it: export {name}=…",
                )
            )
        return value

    def _var(self, name: str, default: Any = None) -> Any:
        return self.variables.get(name, default)


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _native(text: str) -> Any:
    return yaml.safe_load(text)
