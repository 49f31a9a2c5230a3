"""Which version of the goals is in force for a month, and what is wrong where none or two are.

For each month the version approved last by the as-of day is in force, with all its cells; a version
that says nothing about a month leaves it alone. The marts go by the same rule, which model
int_goals__spans holds; test_goals.py holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from reverse_funnel.errors import Fault, InputError, raise_if
from reverse_funnel.plan.months import first_day, month_of_next

# When the goals that a version has for a month were approved, by month and name of the version.
Approvals = Mapping[tuple[int, str], date]


def versions_in_force(approvals: Approvals, as_of: date) -> dict[int, tuple[str, ...]]:
    """Return, for each month, the version approved last by the end of a day.

    Several, in the order of their names, where they were approved on the same day: the marts take
    the last of them.
    """
    latest: dict[int, date] = {}
    for (month, _), approved in approvals.items():
        if approved <= as_of:
            latest[month] = max(approved, latest.get(month, date.min))
    found: dict[int, tuple[str, ...]] = {month: () for month in sorted(latest)}
    for (month, version), approved in sorted(approvals.items()):
        if approved == latest.get(month):
            found[month] = (*found[month], version)
    return found


def refuse_ties(path: Path, approvals: Approvals, found: Mapping[int, tuple[str, ...]]) -> None:
    """Raise `InputError` where several versions were approved last, once for each such group."""
    first = {names: month for month, names in sorted(found.items(), reverse=True)}
    raise_if(
        Fault(
            file=path,
            column="approved_at",
            problem=f"versions {', '.join(names)} were approved on the same day, "
            f"{approvals[month, names[0]]}, and both have goals of {first_day(month)}",
            remedy="choose one with --goals-version, or give the one that is to be in force a later "
            "day",
        )
        for names, month in first.items()
        if len(names) > 1
    )


def refuse_gaps(path: Path, months: Sequence[int] | Mapping[int, str]) -> None:
    """Raise `InputError` with every month between two others that has no goal at all."""
    raise_if(
        Fault(
            file=path,
            column="fiscal_month",
            problem=f"no version has goals of {first_day(month)}, though there are some before and "
            "after",
            remedy="add goals of that month; 0 is a valid goal",
        )
        for month in range(min(months), max(months))
        if month not in months
    )


def refuse_without_goals_to_come(
    path: Path, approvals: Approvals, found: Mapping[int, tuple[str, ...]], as_of: date
) -> None:
    """Raise `InputError` where no month that is not over as of a day has goals in force.

    It says so where some are there but were approved later only.
    """
    last, tomorrow = max(found, default=None), month_of_next(as_of)
    if last is not None and last >= tomorrow:
        return
    later = sorted(
        {
            (day, name)
            for (month, name), day in approvals.items()
            if day > as_of and month >= tomorrow
        }
    )
    over = None if last is None else over_fault(path, found[last][-1], last, as_of)
    if not later:
        raise InputError(over or over_fault(path, *_last_of(approvals), as_of))
    day, name = later[0]
    raise InputError(
        Fault(
            file=path,
            column="approved_at",
            problem=f"{f'{over.problem}, and' if over else f'no goals were approved by {as_of}:'} "
            f"version {name!r} was approved only on {day}",
            remedy=f"plan as of {day} or later, or choose the goals with --goals-version",
        )
    )


def over_fault(path: Path, version: str, last: int, as_of: date) -> Fault:
    """Return the fault of goals whose last month is over."""
    return Fault(
        file=path,
        column="fiscal_month",
        problem=f"the last goal of version {version!r} is of {first_day(last)}, which is over as of "
        f"{as_of}",
        remedy="add goals of months to come, or choose others with --goals-version",
    )


def _last_of(approvals: Approvals) -> tuple[str, int]:
    month, version = max(approvals)
    return version, month
