"""Which version of the goals is in force for a month, and what is wrong where none or two are.

For each month the version approved last by the as-of day is in force, with all its cells; a version
that says nothing about a month leaves it alone. The marts go by the same rule, which model
int_goals__spans holds; test_goals.py holds the two together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    found: dict[int, tuple[str, ...]] = dict.fromkeys(sorted(latest), ())
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
            remedy="choose one with --goals-version, or give the one that is to be in force a "
            "later day",
        )
        for names, month in first.items()
        if len(names) > 1
    )


def refuse_gaps(path: Path, months: Collection[int]) -> None:
    """Raise `InputError` with every month between two others for which no version is in force."""
    raise_if(
        Fault(
            file=path,
            column="fiscal_month",
            problem=f"no goals of {first_day(month)} are in force, only of months before and after",
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
    if last is None:
        problem = f"no goals were approved by {as_of}"
    else:
        problem = over_fault(path, found[last][-1], last, as_of).problem
    later = [(day, name) for (month, name), day in approvals.items() if month >= tomorrow]
    if not later:
        month, version = max(approvals)
        raise InputError(over_fault(path, version, month, as_of))
    day, name = min(later)
    raise InputError(
        Fault(
            file=path,
            column="approved_at",
            problem=f"{problem}; version {name!r} was approved only on {day}",
            remedy=f"plan as of {day} or later, or choose a version with --goals-version",
        )
    )


def over_fault(path: Path, version: str, last: int, as_of: date) -> Fault:
    """Return the fault of goals whose last month is over."""
    return Fault(
        file=path,
        column="fiscal_month",
        problem=f"the last goal of version {version!r} is of {first_day(last)}, which is over as "
        f"of {as_of}",
        remedy="add goals of months to come, or choose others with --goals-version",
    )
