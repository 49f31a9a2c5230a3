"""Accounts: who the deals are made with, and how their size and country change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from reverse_funnel.demo.calendar import Floats, Ints
from reverse_funnel.demo.company import MERGED_ACCOUNT, MOVED_COUNTRY, RESEGMENTED
from reverse_funnel.demo.config import (
    COUNTRIES,
    COUNTRY_SHARE,
    COUNTRY_TO_TERRITORY,
    SEGMENT_EMPLOYEES,
    TERRITORIES,
)
from reverse_funnel.demo.people import Pool

NO_CHANGE, NEW_SIZE, NEW_COUNTRY = range(3)
N_INDUSTRIES = 8
_TERRITORY_OF = np.array(COUNTRY_TO_TERRITORY)
_EMPLOYEES = np.array(SEGMENT_EMPLOYEES, dtype=np.float64)


@dataclass(frozen=True)
class Accounts:
    """New accounts, one array entry each, numbered from ``first_number``.

    At most one change of size or country (``change`` at model time ``changed_at``, infinite when
    there is none) with the values after it; ``merged_into`` is the number of the account that
    survived a merge, -1 for most.
    """

    first_number: int
    created: Floats
    country: NDArray[np.int8]
    employees: Ints
    industry: NDArray[np.int8]
    change: NDArray[np.int8]
    changed_at: Floats
    new_country: NDArray[np.int8]
    new_employees: Ints
    merged_into: Ints
    merged_at: Floats

    def __len__(self) -> int:
        return len(self.created)


def draw_countries(territory: Ints, rng: Generator) -> NDArray[np.int8]:
    """Draw a country of each territory, by the countries' shares."""
    cumulative = np.cumsum(COUNTRY_SHARE)  # 1 a territory, so territory t spans t to t + 1
    at = np.searchsorted(cumulative, territory + rng.random(len(territory)), side="right")
    return np.minimum(at, len(COUNTRIES) - 1).astype(np.int8)


def draw_employees(segment: Ints, rng: Generator) -> Ints:
    """Draw employee counts log-uniform within each segment, skewed to its lower end."""
    low, high = _EMPLOYEES[segment, 0], _EMPLOYEES[segment, 1]
    skewed = rng.random(len(segment)) ** 1.5
    drawn = np.minimum(low * (high / low) ** skewed, high - 1)
    return np.asarray(drawn, dtype=np.int64)


class AccountBook:
    """All accounts so far, and the pools from which later deals take theirs.

    A pool's group is segment * 3 + territory as it is at that moment: a re-segmented account
    leaves one group and enters another.
    """

    def __init__(self) -> None:
        self.count = 0
        self.customers = Pool()
        self.prospects = Pool()
        self._group = np.empty(0, dtype=np.int64)
        self._new_group = np.empty(0, dtype=np.int64)
        self._changed_at = np.empty(0)
        self._country = np.empty(0, dtype=np.int8)
        self._new_country = np.empty(0, dtype=np.int8)

    def country_at(self, account: Ints, time: Floats) -> NDArray[np.int8]:
        """Country of each account at each time."""
        later = time >= self._changed_at[account]
        return np.where(later, self._new_country[account], self._country[account])

    def open_accounts(
        self, segment: Ints, territory: Ints, created: Floats, last: float, rng: Generator
    ) -> Accounts:
        """Create accounts; ``last`` is the model time after which nothing is to happen."""
        n = len(created)
        country = draw_countries(territory, rng)
        employees = draw_employees(segment, rng)
        kind = rng.random(n)
        change = np.where(
            kind < RESEGMENTED,
            NEW_SIZE,
            np.where(kind < RESEGMENTED + MOVED_COUNTRY, NEW_COUNTRY, NO_CHANGE),
        )
        changed_at = created + 45 + rng.random(n) * 1300
        change = np.where(changed_at < last, change, NO_CHANGE).astype(np.int8)
        changed_at = np.where(change == NO_CHANGE, np.inf, changed_at)
        up = rng.random(n) < 0.75
        new_segment = np.where(
            change == NEW_SIZE,
            np.where(segment == 0, 1, np.where(segment == 2, 1, np.where(up, 2, 0))),
            segment,
        )
        moved = (country + 1 + (rng.random(n) * (len(COUNTRIES) - 1)).astype(np.int64)) % len(
            COUNTRIES
        )
        new_country = np.where(change == NEW_COUNTRY, moved, country).astype(np.int8)
        # Who crosses a border between segments is found near it.
        border = _EMPLOYEES[np.maximum(segment, new_segment), 0]
        step = rng.random(n)
        grown = border * np.where(new_segment > segment, 1 + 0.8 * step, 0.99 - 0.44 * step)
        new_employees = np.where(change == NEW_SIZE, grown, employees).astype(np.int64)
        accounts = Accounts(
            first_number=self.count,
            created=created,
            country=country,
            employees=employees,
            industry=(rng.random(n) * N_INDUSTRIES).astype(np.int8),
            change=change,
            changed_at=changed_at,
            new_country=new_country,
            new_employees=new_employees,
            merged_into=np.full(n, -1, dtype=np.int64),
            merged_at=np.full(n, np.inf),
        )
        self._remember(accounts, segment, territory, new_segment)
        return accounts

    def _remember(
        self, accounts: Accounts, segment: Ints, territory: Ints, new_segment: Ints
    ) -> None:
        self.count += len(accounts)
        group = segment * len(TERRITORIES) + territory
        new_group = new_segment * len(TERRITORIES) + _TERRITORY_OF[accounts.new_country]
        self._group = np.concatenate([self._group, group])
        self._new_group = np.concatenate([self._new_group, new_group])
        self._changed_at = np.concatenate([self._changed_at, accounts.changed_at])
        self._country = np.concatenate([self._country, accounts.country])
        self._new_country = np.concatenate([self._new_country, accounts.new_country])

    def offer(self, pool: Pool, account: Ints, since: Floats) -> None:
        """Put accounts into a pool from ``since`` on, in the group they are in at each time."""
        changed = self._changed_at[account]
        before = since < changed
        pool.add(self._group[account[before]], since[before], changed[before], account[before])
        after = np.isfinite(changed)
        ends = np.full(int(after.sum()), np.inf)
        since_then = np.maximum(since[after], changed[after])
        pool.add(self._new_group[account[after]], since_then, ends, account[after])

    def merged_duplicates(self, survivors: Accounts, last: float, rng: Generator) -> Accounts:
        """Duplicates of some of the given accounts, merged into them some weeks later."""
        at = np.flatnonzero(rng.random(len(survivors)) < MERGED_ACCOUNT)
        merged_at = survivors.created[at] + 3 + rng.exponential(60, len(at))
        at, merged_at = at[merged_at < last], merged_at[merged_at < last]
        duplicates = Accounts(
            first_number=self.count,
            created=survivors.created[at] + rng.random(len(at)) * 2,
            country=survivors.country[at],
            employees=survivors.employees[at],
            industry=survivors.industry[at],
            change=np.zeros(len(at), dtype=np.int8),
            changed_at=np.full(len(at), np.inf),
            new_country=survivors.country[at],
            new_employees=survivors.employees[at],
            merged_into=survivors.first_number + at,
            merged_at=merged_at,
        )
        # Never offered to a deal, so the group they are remembered with is of no consequence.
        nobody = np.zeros(len(at), dtype=np.int64)
        self._remember(duplicates, nobody, nobody, nobody)
        return duplicates
