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
from reverse_funnel.plan.goals import ApprovedGoals, GoalsFile, read_goals
from reverse_funnel.plan.in_force import over_fault
from reverse_funnel.plan.make import METHODS, Plan, PlanSettings, Problem, finish, pose
from reverse_funnel.plan.months import month_of_next
from reverse_funnel.plan.replan import DEFAULT_POLICY, POLICIES, BasePlan, read_base, replan
from reverse_funnel.plan.settings import read_settings
from reverse_funnel.plan.standing import read_standing
from reverse_funnel.plan.targets import need_rows, vintage_tables
from reverse_funnel.plan.vintages import Outcome, check_version_name, only_plan, save

# What a plan reads, as selectors.yml names it.
SELECTOR = "plan_inputs"


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the command line asks for.

    Without a version only the current need is refreshed. It is of the goals in force today: with an
    `as_of` day, that of the assumptions the query reads, or a `goals_version`, only the version is
    recorded. With a `base` the plan replaces that version, by a carry-over `policy`.
    """

    version: str | None = None
    method: str = "distribution"
    goals_version: str | None = None
    goal_growth: float = 0.0
    as_of: date | None = None
    base: str | None = None
    policy: str | None = None
    surplus_credit: float | None = None


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
    settings = read_settings(
        project_vars, seeds_dir, method=request.method, goal_growth=request.goal_growth
    )
    with only_plan(seeds_dir):
        base = None if request.base is None else read_base(seeds_dir, request.base)
        problem = read_problem(
            query,
            seeds_dir,
            project_vars,
            settings,
            goals_version=request.goals_version or (base.goals_version if base else None),
            as_of=request.as_of,
            progress=progress,
        )
        progress("solving")
        plan = _solve(problem, base, request, project_vars)
        progress("writing targets")
        is_need = request.as_of is None and request.goals_version is None and base is None
        outcome = save(
            seeds_dir, need_rows(plan) if is_need else None, request.version, vintage_tables(plan)
        )
    return PlanResult(plan=plan, outcome=outcome)


def read_problem(
    query: Query,
    seeds_dir: Path,
    project_vars: Mapping[str, Any],
    settings: PlanSettings,
    *,
    goals_version: str | None = None,
    as_of: date | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Problem:
    """Read goals, assumptions and what stands, and arrange them; parameters as in `run_plan`.

    The goals are those in force as of the day of the assumptions, unless a version is asked for.
    Raises `ReverseFunnelError` where the warehouse does not speak for `as_of`, `InputError` for
    faulty goals and where they are over.
    """
    progress("reading goals")
    file = read_goals(
        seeds_dir,
        corporate_currency=str(project_vars.get("corporate_currency", "USD")),
        plan_dimensions=settings.plan_dimensions,
        fiscal_year_start_month=settings.fiscal_year_start_month,
    )
    # Where it is known which goals are asked for, their faults are told before the warehouse's.
    goals = _goals(file, goals_version, as_of)
    progress("reading assumptions")
    try:
        book = read_assumptions(query)
    except ReverseFunnelError:
        if goals is None:
            file.check_the_last()
        raise
    if as_of not in (None, book.as_of_date):
        raise ReverseFunnelError(
            f"the assumptions are of {book.as_of_date}, not of {as_of}",
            remedy=f"dbt build --selector {SELECTOR} --vars 'as_of_date: {as_of}'",
        )
    goals = goals or file.in_force(book.as_of_date)
    last = goals.goals.first_month + goals.goals.months - 1
    if last < month_of_next(book.as_of_date):
        raise InputError(over_fault(file.path, goals.version, last, book.as_of_date))
    progress("reading what stands already")
    return pose(goals, book, settings, read_standing(query))


def _goals(file: GoalsFile, version: str | None, as_of: date | None) -> ApprovedGoals | None:
    """Return the goals of a version, else those in force as of a day, else None."""
    if version is not None:
        return file.named(version)
    return None if as_of is None else file.in_force(as_of)


def _solve(
    problem: Problem, base: BasePlan | None, request: PlanRequest, project_vars: Mapping[str, Any]
) -> Plan:
    if base is None:
        return finish(problem, problem.solve(problem.extended))
    credit = request.surplus_credit
    if credit is None:
        credit = float(project_vars.get("carry_over_surplus_credit", 1.0))
    policy = request.policy or str(project_vars.get("carry_over_policy", DEFAULT_POLICY))
    if policy not in POLICIES:
        raise InputError(
            Fault(
                problem=f"there is no carry-over policy {policy!r}",
                remedy=f"use one of: {', '.join(POLICIES)}",
            )
        )
    if not 0 <= credit <= 1:
        raise InputError(
            Fault(
                problem=f"a surplus cannot count {credit} times",
                remedy="give --surplus-credit as a share from 0 to 1",
            )
        )
    return replan(problem, base, policy=policy, surplus_credit=credit)


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
    elif request.goals_version is not None:
        raise InputError(
            Fault(
                problem="the current need is of the goals in force; only a plan version can be "
                "made of others",
                remedy="give it a name with --version, or leave --goals-version out",
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
