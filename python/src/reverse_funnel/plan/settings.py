"""What people set that a plan depends on: the project's vars and the creation caps, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reverse_funnel.errors import Fault, raise_if
from reverse_funnel.plan.caps import read_caps
from reverse_funnel.plan.distribution import Steadiness
from reverse_funnel.plan.make import PlanSettings
from reverse_funnel.plan.model import Cell, Confidence

DEFAULT = PlanSettings()


def read_settings(
    project_vars: Mapping[str, Any],
    seeds_dir: Path,
    *,
    method: str = "distribution",
    goal_growth: float = 0.0,
) -> PlanSettings:
    """Return a plan's settings: the vars of dbt_project.yml, and the caps in the seeds.

    A var that is not given has the value documented there. Raises `InputError` with every var that
    makes no sense, then with every fault of the caps.
    """
    raise_if(_faults(project_vars))
    plan_dimensions = tuple(project_vars.get("plan_dimensions", Cell._fields[:4]))
    smoothness = project_vars.get("plan_smoothness", DEFAULT.steadiness.smoothness)
    return PlanSettings(
        method=method,
        goal_growth=goal_growth,
        qualifying_stage=int(project_vars.get("qualifying_stage", 2)),
        plan_dimensions=plan_dimensions,
        fiscal_year_start_month=int(project_vars.get("fiscal_year_start_month", 1)),
        steadiness=Steadiness(
            smoothness=tuple(float(weight) for weight in smoothness),
            rush=float(project_vars.get("plan_rush", DEFAULT.steadiness.rush)),
        ),
        confidence=Confidence(
            level=float(project_vars.get("plan_confidence", DEFAULT.confidence.level)),
            held_by=str(project_vars.get("plan_confidence_held_by", DEFAULT.confidence.held_by)),
            common_shock=float(
                project_vars.get("bookings_common_shock", DEFAULT.confidence.common_shock)
            ),
        ),
        caps=read_caps(seeds_dir, plan_dimensions),
    )


def _is_number(low: float, high: float) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        try:
            return math.isfinite(float(value)) and low < float(value) < high
        except (TypeError, ValueError):
            return False

    return check


_ABOVE_ZERO = _is_number(0, math.inf)
_CHECKS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("plan_confidence", _is_number(0, 1), "a probability such as 0.8"),
    (
        "plan_confidence_held_by",
        lambda value: value in Confidence.LEVELS,
        f"one of {', '.join(Confidence.LEVELS)}",
    ),
    ("bookings_common_shock", _is_number(-1e-9, 1), "a share such as 0.05"),
    ("plan_rush", _is_number(1, math.inf), "a number above 1 such as 3"),
    (
        "plan_smoothness",
        lambda value: (
            isinstance(value, list | tuple)
            and bool(value)
            and all(_ABOVE_ZERO(weight) for weight in value)
        ),
        "a list of numbers above 0, the steadiest first, such as [1.0, 0.1, 0.01]",
    ),
)


def _faults(project_vars: Mapping[str, Any]) -> Iterator[Fault]:
    for name, is_right, remedy in _CHECKS:
        if name in project_vars and not is_right(project_vars[name]):
            yield Fault(
                file="dbt_project.yml",
                column=name,
                problem=f"{project_vars[name]!r} makes no sense there",
                remedy=f"write {remedy}",
            )
