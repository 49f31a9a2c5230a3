"""The verb `plan`: read, solve, write, in this order and under one lock."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from reverse_funnel.errors import Fault, InputError, ReverseFunnelError
from reverse_funnel.plan.assumptions import Query, read_assumptions
from reverse_funnel.plan.goals import read_goals
from reverse_funnel.plan.make import METHODS, Plan, make_plan
from reverse_funnel.plan.settings import read_settings
from reverse_funnel.plan.standing import read_standing
from reverse_funnel.plan.targets import need_rows, vintage_tables
from reverse_funnel.plan.vintages import Outcome, check_version_name, only_plan, save


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the command line asks for.

    Without a version only the current need is refreshed. With an `as_of` day, that of the
    assumptions the query reads, only the version is recorded: what is needed now is not of that
    day.
    """

    version: str | None = None
    method: str = "distribution"
    goals_version: str | None = None
    goal_growth: float = 0.0
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The plan, and what became of it on disk."""

    plan: Plan
    outcome: Outcome


def run_plan(
    request: PlanRequest,
    *,
    query: Query,
    seeds_dir: Path,
    project_vars: Mapping[str, Any],
    progress: Callable[[str], None] = lambda _: None,
) -> PlanResult:
    """Make a plan and write its seeds.

    Parameters
    ----------
    request
        What is asked for.
    query
        Runs dbt SQL and returns rows, such as `DbtProject.query`.
    seeds_dir
        Folder of the seeds: goals and mappings are read there, targets written.
    project_vars
        The project's vars: corporate_currency, plan_dimensions, qualifying_stage.
    progress
        Told what is being done.

    Raises `InputError` for faulty input, having written nothing.

    """
    _check(request)
    settings = read_settings(project_vars, method=request.method, goal_growth=request.goal_growth)
    with only_plan(seeds_dir):
        progress("reading goals")
        goals = read_goals(
            seeds_dir,
            corporate_currency=str(project_vars.get("corporate_currency", "USD")),
            plan_dimensions=settings.plan_dimensions,
            version=request.goals_version,
        )
        progress("reading assumptions")
        book = read_assumptions(query)
        if request.as_of not in (None, book.as_of_date):
            raise ReverseFunnelError(
                f"the assumptions are of {book.as_of_date}, not of {request.as_of}",
                remedy=f"dbt build --select +assumptions --vars 'as_of_date: {request.as_of}'",
            )
        progress("reading what stands already")
        standing = read_standing(query)
        progress("solving")
        plan = make_plan(goals, book, settings, standing)
        progress("writing targets")
        tables = vintage_tables(plan)
        need = need_rows(plan) if request.as_of is None else None
        outcome = save(seeds_dir, need, request.version, tables)
    return PlanResult(plan=plan, outcome=outcome)


def _check(request: PlanRequest) -> None:
    if request.version is not None:
        check_version_name(request.version)
    elif request.as_of is not None:
        raise InputError(
            Fault(
                problem="only a plan version can be made as of an earlier day",
                remedy="give it a name with --version, or leave --as-of out",
            )
        )
    if request.method not in METHODS:
        raise InputError(
            Fault(
                problem=f"there is no method {request.method!r}",
                remedy=f"use --method with one of: {', '.join(METHODS)}",
            )
        )
    if not math.isfinite(request.goal_growth) or request.goal_growth <= -1:
        raise InputError(
            Fault(
                problem=f"goals cannot grow by {request.goal_growth}",
                remedy="give --goal-growth as a share a year, such as 0.1 for 10 %",
            )
        )
