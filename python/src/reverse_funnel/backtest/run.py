"""The verb `backtest`: for each as-of date build the forecasts, read them, record them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from reverse_funnel import __version__
from reverse_funnel.backtest.days import EVERY, as_of_days
from reverse_funnel.backtest.store import FORECAST_COLUMNS, STORE_DIR, ForecastStore
from reverse_funnel.errors import Fault, InputError, ReverseFunnelError
from reverse_funnel.plan.vintages import only_writer

MART = "forecasts"
SCHEMA_PREFIX = "backtest_"
DROP_MACRO = "drop_backtest_schemas"
FORECASTS_QUERY = f"select as_of_date, {', '.join(FORECAST_COLUMNS)} from {{{{ ref('{MART}') }}}}"
TODAY_QUERY = "select as_of_date from {{ ref('int_as_of') }}"

# Seeds that say what has happened or is wanted, not how a forecast is made.
_DATA_SEEDS = frozenset({"targets", "finance", "backtests"})
# Vars that say where and when, not how.
_PLACES = frozenset({"as_of_date", "schema_prefix"})


class Project(Protocol):
    """What a back-test needs of `warehouse.DbtProject`."""

    @property
    def vars(self) -> Mapping[str, Any]:
        """The project's vars."""

    @property
    def project_dir(self) -> Path:
        """Folder of dbt_project.yml."""

    @property
    def seeds_dir(self) -> Path:
        """Folder of the seeds."""

    def with_vars(self, **vars: Any) -> Project:
        """Return the project with other vars."""

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Run dbt SQL and return its rows."""

    def build(self, select: str) -> None:
        """Build selected seeds and models."""

    def run_operation(self, macro: str) -> None:
        """Run a macro."""

    def files_of(self, select: str) -> list[Path]:
        """List the files of selected seeds and models."""


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What the command line asks for: days as in `as_of_days`.

    With `append` as-of dates that have forecasts already are left out; else they are made anew.
    """

    first: date | None = None
    last: date | None = None
    every: str = "quarter"
    append: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one as-of date.

    `vintage` is the number its forecasts were recorded under: None where they are those recorded
    before. `is_skipped` says that they were not made anew, `count` how many were made.
    """

    as_of_date: date
    vintage: int | None
    count: int
    is_skipped: bool = False

    @property
    def outcome(self) -> str:
        """What became of the date, in words."""
        if self.is_skipped:
            return "recorded already"
        if not self.count:
            return "nothing to forecast yet"
        if self.vintage is None:
            return f"{self.count} forecasts, unchanged"
        return f"{self.count} forecasts recorded as vintage {self.vintage}"


def backtest(
    request: BacktestRequest,
    project: Project,
    *,
    progress: Callable[[str, float], None] = lambda _what, _share: None,
) -> Iterator[Recorded]:
    """Make and record the forecasts of each as-of date, one after the other.

    Parameters
    ----------
    request
        Which as-of dates.
    project
        The dbt project. Each date is built in schemas of its own (`backtest_…_as_of_20251231`),
        which are dropped once its forecasts are read; the daily tables are left alone.
    progress
        Told what is being done and the share, 0 to 1, that is done.

    Yields
    ------
    What became of each date, once it is written: an interruption loses no date before it.

    Raises `InputError` for a request or a store that cannot be used, having written nothing.

    """
    if request.every not in EVERY:
        raise InputError(
            Fault(
                problem=f"there are no as-of dates every {request.every!r}",
                remedy=f"use --every with one of: {', '.join(EVERY)}",
            )
        )
    progress("reading what is known", 0.0)
    [today] = project.query(TODAY_QUERY)
    latest = _day(today["as_of_date"])
    days = as_of_days(
        request.first,
        request.last,
        every=request.every,
        latest=latest,
        fiscal_year_start_month=int(project.vars.get("fiscal_year_start_month", 1)),
        week3_day=int(project.vars.get("week3_day", 21)),
    )
    with only_writer(project.seeds_dir / STORE_DIR, "another back-test is being written"):
        store = ForecastStore(project.seeds_dir)
        version = ""
        for number, day in enumerate(days):
            if request.append and store.latest_vintage(day):
                yield Recorded(day, vintage=None, count=0, is_skipped=True)
                continue
            progress(f"forecasting as of {day}", number / len(days))
            version = version or model_version(project)
            rows = forecasts_as_of(project, day)
            vintage = store.add(day, rows, model_version=version, data_as_of_date=latest)
            yield Recorded(day, vintage=vintage, count=len(rows))


def forecasts_as_of(project: Project, day: date) -> list[dict[str, Any]]:
    """Return the rows of the mart `forecasts` as of a day, built for this and dropped again."""
    prefix = f"{project.vars.get('schema_prefix') or ''}{SCHEMA_PREFIX}"
    then = project.with_vars(as_of_date=day.isoformat(), schema_prefix=prefix)
    try:
        then.build(f"+{MART}")
        rows = then.query(FORECASTS_QUERY)
    except BaseException:
        # What went wrong first is what has to be told.
        with contextlib.suppress(ReverseFunnelError):
            then.run_operation(DROP_MACRO)
        raise
    then.run_operation(DROP_MACRO)
    assert all(_day(row["as_of_date"]) == day for row in rows)
    return rows


def model_version(project: Project) -> str:
    """Return the package's version and a hash of what the forecasts are made with.

    That is the SQL of every model the mart reads and of every macro, the mapping and policy seeds
    among its inputs, and the project's vars; neither CRM rows nor goals and targets.
    """
    seeds = project.seeds_dir
    files = [
        path
        for path in project.files_of(f"+{MART}")
        if not (path.is_relative_to(seeds) and path.relative_to(seeds).parts[0] in _DATA_SEEDS)
    ]
    files += (project.project_dir / "macros").rglob("*.sql")
    settings = {name: value for name, value in project.vars.items() if name not in _PLACES}
    parts = [f"{path.name} {_digest(path.read_text(encoding='utf-8'))}" for path in files]
    return f"{__version__}+{_digest(_joined(parts) + json.dumps(settings, sort_keys=True))[:12]}"


def _joined(parts: Sequence[str]) -> str:
    return "\n".join(sorted(parts))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _day(value: Any) -> date:
    return date.fromisoformat(str(value)[:10])
