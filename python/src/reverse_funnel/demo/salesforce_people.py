"""Users and their roles as columns of the Salesforce tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from reverse_funnel.demo import people
from reverse_funnel.demo.calendar import OPENING_SECONDS, Ints, to_seconds
from reverse_funnel.demo.config import SEGMENTS, TERRITORIES
from reverse_funnel.demo.people import Users

Columns = Mapping[str, NDArray[Any]]

_LABELS: Final = {
    people.AE: ("Account Executive", "Sales"),
    people.AE_MANAGER: ("Sales Manager", "Sales"),
    people.SDR: ("SDR", "Sales Development"),
    people.SDR_MANAGER: ("SDR Manager", "Sales Development"),
    people.VP: ("VP Sales", "Sales"),
    people.SYSTEM: ("Integration", "Operations"),
}
"""Title and department by kind of user."""
_BOSS: Final = {people.AE: people.AE_MANAGER, people.SDR: people.SDR_MANAGER}
_TOP: Final = 1
"""Number of the role all managers report to; 0 is that of the machine."""


def stamps(seconds: Ints) -> NDArray[np.datetime64]:
    """UTC seconds as timestamps; negative is none."""
    stamp = seconds.astype("datetime64[s]")
    stamp[seconds < 0] = np.datetime64("NaT")
    return stamp


def team_name(group: int) -> str:
    """Return a readable name of a team's segment and territory."""
    if group >= len(SEGMENTS) * len(TERRITORIES):
        return TERRITORIES[group - len(SEGMENTS) * len(TERRITORIES)].upper()
    segment, territory = divmod(group, len(TERRITORIES))
    return f"{SEGMENTS[segment].replace('_', ' ').title()} {TERRITORIES[territory].upper()}"


def user_columns(users: Users) -> tuple[Columns, Columns]:
    """Return the columns of the user table and of the role table, but for their load times."""
    roles, parents = ["System", "VP Sales"], [-1, -1]
    number = {(people.SYSTEM, -1): 0, (people.VP, -1): _TOP}
    role_of = []
    for kind, group in zip(users.kind.tolist(), users.group.tolist(), strict=True):
        if (kind, group) not in number:
            # Managers come before their team, so a boss's role has its number already.
            number[kind, group] = len(roles)
            roles.append(f"{_LABELS[kind][0]} {team_name(group)}")
            parents.append(number[_BOSS[kind], group] if kind in _BOSS else _TOP)
        role_of.append(number[kind, group])
    opening = np.full(len(users.kind), OPENING_SECONDS[1])
    created: Ints = to_seconds(users.start, opening)
    gone = np.isfinite(users.end)
    ended = np.where(gone, to_seconds(users.end, opening), created)
    columns = {
        "title": np.array([_LABELS[kind][0] for kind in users.kind.tolist()]),
        "department": np.array([_LABELS[kind][1] for kind in users.kind.tolist()]),
        "role": np.array(role_of),
        "manager": users.manager,
        "active": ~gone,
        "created": stamps(created),
        "modified": stamps(np.maximum(ended, created)),
    }
    return columns, {"name": np.array(roles), "parent": np.array(parents)}
