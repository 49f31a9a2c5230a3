"""The sales organisation, and pools from which something valid at a moment is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from reverse_funnel.demo.calendar import Floats, Ints, day_number, model_day
from reverse_funnel.demo.company import CREATION_GROWTH, build_company
from reverse_funnel.demo.config import SEGMENTS, TERRITORIES, DemoConfig

AE, SDR, AE_MANAGER, SDR_MANAGER, VP, SYSTEM = range(6)
NO_USER: Final = -1

_DEALS_PER_AE_YEAR = 85.0
_LEADS_PER_SDR_YEAR = 1500.0
_TENURE_DAYS = (200.0, 1000.0)
"""Shortest tenure, and the mean of what comes on top."""
_REPS_PER_MANAGER = 8
_SDR_GROUP_BASE = len(SEGMENTS) * len(TERRITORIES)


class Pool:
    """Items of which each belongs to a group and is valid from a start to an end.

    Times are model days. Items may be added between draws; the order of adding matters to what
    a generator's numbers pick, so callers add in a fixed order.
    """

    def __init__(self) -> None:
        self._parts: dict[int, list[tuple[Floats, Floats, Ints]]] = {}
        self._sorted: dict[int, tuple[Floats, Floats, Ints]] = {}

    def add(self, group: Ints, start: Floats, end: Floats, item: Ints) -> None:
        """Add items, arrays of one length."""
        for code in np.unique(group):
            mine = group == code
            self._parts.setdefault(int(code), []).append((start[mine], end[mine], item[mine]))
            self._sorted.pop(int(code), None)

    def _group(self, code: int) -> tuple[Floats, Floats, Ints] | None:
        if code not in self._sorted:
            parts = self._parts.get(code)
            if not parts:
                return None
            start, end, item = (np.concatenate(column) for column in zip(*parts, strict=True))
            order = np.argsort(start, kind="stable")
            whole = (start[order], end[order], item[order])
            self._parts[code] = [whole]
            self._sorted[code] = whole
        return self._sorted[code]

    def pick(self, group: Ints, time: Floats, rng: Generator, tries: int = 5) -> Ints:
        """Pick an item of each group valid at each time; -1 where ``tries`` draws met none."""
        picked = np.full(len(group), -1, dtype=np.int64)
        for code in np.unique(group):
            whole = self._group(int(code))
            if whole is None:
                continue
            start, end, item = whole
            mine = np.flatnonzero(group == code)
            count = np.searchsorted(start, time[mine], side="right")
            for _ in range(tries):
                draw = (rng.random(len(mine)) * count).astype(np.int64)
                safe = np.minimum(draw, len(item) - 1)
                good = (count > 0) & (end[safe] > time[mine])
                picked[mine[good]] = item[safe[good]]
                mine, count = mine[~good], count[~good]
                if not len(mine):
                    break
        return picked


@dataclass(frozen=True)
class Users:
    """All users, one array entry each; a user's number is its position.

    ``group`` is segment * 3 + territory for account executives and their managers, 9 + territory
    for development reps and theirs, -1 for the others. Times are model days; ``end`` is infinite
    for those still there.
    """

    kind: NDArray[np.int8]
    group: Ints
    manager: Ints
    start: Floats
    end: Floats


@dataclass(frozen=True)
class Organisation:
    """Users and the pools their deals and leads are dealt from."""

    users: Users
    executives: Pool
    developers: Pool
    executive_managers: Ints
    """Manager of each group, the fallback when a team is empty."""
    developer_managers: Ints
    system_user: int = 0


@dataclass
class _Roster:
    kind: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    manager: list[int] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)

    def hire(self, kind: int, group: int, manager: int, start: float, end: float) -> int:
        self.kind.append(kind)
        self.group.append(group)
        self.manager.append(manager)
        self.start.append(start)
        self.end.append(end)
        return len(self.kind) - 1


def _seat_openings(seats: int, first: float, last: float, rng: Generator) -> Floats:
    """When each seat is filled first: what the growth of creation needs, older teams earlier."""
    years = (last - first) / 365.25
    at_start = max(1, round(seats / (1 + CREATION_GROWTH) ** years))
    opened = np.linspace(0, 1, seats - at_start + 2)[1:-1] if seats > at_start else np.empty(0)
    later = first + (last - first) * np.log1p(opened * ((1 + CREATION_GROWTH) ** years - 1)) / (
        years * np.log1p(CREATION_GROWTH)
    )
    early = first - 20 - rng.random(at_start) * 700
    return np.concatenate([early, later])


def _fill_team(
    roster: _Roster,
    kind: int,
    group: int,
    managers: list[int],
    openings: Floats,
    last: float,
    rng: Generator,
) -> None:
    for seat, opening in enumerate(openings):
        start = float(opening)
        while start < last:
            end = start + _TENURE_DAYS[0] + float(rng.exponential(_TENURE_DAYS[1]))
            roster.hire(
                kind,
                group,
                managers[seat // _REPS_PER_MANAGER],
                start,
                end if end < last else np.inf,
            )
            start = end + 10 + float(rng.exponential(25))


def _managers(
    roster: _Roster, kind: int, group: int, boss: int, seats: int, at: float
) -> list[int]:
    return [
        roster.hire(kind, group, boss, at - 400 - number, np.inf)
        for number in range(-(-seats // _REPS_PER_MANAGER))
    ]


def build_organisation(config: DemoConfig, rng: Generator) -> Organisation:
    """Hire reps in proportion to the deals and leads of the last year, with turnover."""
    first = float(model_day(day_number(config.start)))
    last = float(model_day(day_number(config.as_of)))
    years = max((last - first) / 365.25, 0.5)
    growth = 1 + CREATION_GROWTH
    last_year = config.opportunities * np.log(growth) / (1 - growth**-years) / np.sqrt(growth)
    by_team = build_company().share.sum(axis=(1, 3))
    roster = _Roster()
    roster.hire(SYSTEM, -1, NO_USER, first - 1500, np.inf)
    vice_president = roster.hire(VP, -1, NO_USER, first - 1200, np.inf)
    executive_managers, developer_managers = [], []
    for group, share in enumerate(by_team.ravel()):
        seats = max(2, round(last_year * share / _DEALS_PER_AE_YEAR))
        managers = _managers(roster, AE_MANAGER, group, vice_president, seats, first)
        executive_managers.append(managers[0])
        openings = _seat_openings(seats, first, last, rng)
        _fill_team(roster, AE, group, managers, openings, last, rng)
    for territory, share in enumerate(by_team.sum(axis=0)):
        group = _SDR_GROUP_BASE + territory
        seats = max(2, round(3 * last_year * share / _LEADS_PER_SDR_YEAR))
        managers = _managers(roster, SDR_MANAGER, group, vice_president, seats, first)
        developer_managers.append(managers[0])
        openings = _seat_openings(seats, first, last, rng)
        _fill_team(roster, SDR, group, managers, openings, last, rng)
    users = Users(
        kind=np.array(roster.kind, dtype=np.int8),
        group=np.array(roster.group, dtype=np.int64),
        manager=np.array(roster.manager, dtype=np.int64),
        start=np.array(roster.start),
        end=np.array(roster.end),
    )
    return Organisation(
        users=users,
        executives=_pool_of(users, AE, 0),
        developers=_pool_of(users, SDR, _SDR_GROUP_BASE),
        executive_managers=np.array(executive_managers),
        developer_managers=np.array(developer_managers),
    )


def _pool_of(users: Users, kind: int, base: int) -> Pool:
    mine = np.flatnonzero(users.kind == kind)
    pool = Pool()
    pool.add(users.group[mine] - base, users.start[mine], users.end[mine], mine)
    return pool


def assign(pool: Pool, fallback: Ints, group: Ints, time: Floats, rng: Generator) -> Ints:
    """Assign a rep of each group at work at each time, else the group's manager."""
    picked = pool.pick(group, time, rng)
    return np.where(picked >= 0, picked, fallback[group])
