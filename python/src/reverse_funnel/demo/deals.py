"""A block of opportunities: who, with whom, for how much, and what the CRM holds of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from reverse_funnel.demo import company as truth
from reverse_funnel.demo.accounts import AccountBook, Accounts
from reverse_funnel.demo.calendar import (
    OPENING_SECONDS,
    Floats,
    Ints,
    Quarters,
    to_day,
    to_seconds,
)
from reverse_funnel.demo.closedates import plan_close_dates
from reverse_funnel.demo.company import Company
from reverse_funnel.demo.config import (
    LEAD_SOURCES,
    SELF_REPORTED,
    TERRITORIES,
    TYPE_RAW,
    WON,
)
from reverse_funnel.demo.events import RecordedAmounts, round_to
from reverse_funnel.demo.fx import AMOUNT_UNIT, Rates, draw_currencies
from reverse_funnel.demo.history import Recorded, record
from reverse_funnel.demo.lifecycle import (
    Codes,
    Flags,
    Lives,
    cell_codes,
    draw_amounts,
    draw_cells,
    draw_lead_sources,
    draw_lives,
)
from reverse_funnel.demo.people import Organisation, assign

OWNER, LEAD_SOURCE, TYPE = range(3)
"""Fields of which single changes are recorded."""
_EARLIER_PROSPECT = 0.12
_OWNER_CHANGE = 0.025
_SOURCE_CORRECTED = 0.008
_TYPE_CORRECTED = 0.005
_SECOND_ANSWER = 0.15
_NO_ANSWER = 0.45
_DAY = 86_400


@dataclass(frozen=True)
class FieldChanges:
    """Single field changes, shape (m,); values are codes of the field's value set."""

    opportunity: Ints
    recorded: Ints
    field: Codes
    old: Ints
    new: Ints
    by: Ints


@dataclass(frozen=True)
class Deals:
    """A block of n opportunities, shape (n,), with all that was recorded of them.

    Codes index the value sets of :mod:`reverse_funnel.demo.config`; accounts and users are
    numbers; ``cell`` is the true one at creation.
    """

    first_number: int
    cell: Ints
    account: Ints
    country: Codes
    currency: Codes
    type_raw: Codes
    lead_source: Codes
    answer: Codes
    second_answer: Codes
    owner: Ints
    """The owner as of the cut."""
    first_owner: Ints
    owner_changed: Ints
    """UTC seconds, -1 where the owner never changed."""
    creator: Ints
    lives: Lives
    timing: Codes
    """When the amount at qualification was entered, as in ``lifecycle.AMOUNT_...``."""
    rate: Floats
    """Units of the deal's currency for one of the corporate one, at qualification."""
    at_qualification: Floats
    at_close: Floats
    """True amounts in corporate currency, after rounding in the deal's own."""
    recorded: Recorded
    modified: Ints
    """UTC seconds of the last recorded change of any kind."""
    changes: FieldChanges
    opening: Floats
    """Start of the office day of the deal's territory, UTC seconds."""

    def __len__(self) -> int:
        return len(self.cell)


def _new_accounts(
    book: AccountBook, cell: Ints, created: Floats, last: float, rng: Generator
) -> tuple[Ints, Accounts]:
    """Accounts of new-business deals: mostly ones not met before. Numbers, and the new ones."""
    segment, _, territory, _ = cell_codes(cell)
    again = rng.random(len(cell)) < _EARLIER_PROSPECT
    group = segment * len(TERRITORIES) + territory
    account = np.full(len(cell), -1, dtype=np.int64)
    account[again] = book.prospects.pick(group[again], created[again], rng)
    fresh = np.flatnonzero(account < 0)
    met = created[fresh] - 0.2 - rng.random(len(fresh)) * 20
    opened = book.open_accounts(segment[fresh], territory[fresh], met, last, rng)
    account[fresh] = opened.first_number + np.arange(len(fresh))
    book.offer(book.prospects, account[fresh], created[fresh] + 60)
    return account, opened


def _customers(
    book: AccountBook, cell: Ints, created: Floats, last: float, rng: Generator
) -> tuple[Ints, Accounts]:
    """Accounts of expansion deals: customers, else some who were customers before the CRM."""
    segment, _, territory, _ = cell_codes(cell)
    group = segment * len(TERRITORIES) + territory
    account = book.customers.pick(group, created, rng)
    missing = np.flatnonzero(account < 0)
    met = created[missing] - 30 - rng.random(len(missing)) * 15
    opened = book.open_accounts(segment[missing], territory[missing], met, last, rng)
    account[missing] = opened.first_number + np.arange(len(missing))
    book.offer(book.customers, account[missing], created[missing])
    return account, opened


def _accounts_of(
    book: AccountBook, cell: Ints, lives: Lives, duplicate: Flags, last: float, rng: Generator
) -> tuple[Ints, list[Accounts]]:
    """Account of each deal, and the accounts that are new with them."""
    created = lives.created
    new = cell_codes(cell)[1] == 0
    account = np.full(len(cell), -1, dtype=np.int64)
    account[new], opened = _new_accounts(book, cell[new], created[new], last, rng)
    won = new & (lives.outcome == WON)
    book.offer(book.customers, account[won], lives.closed[won])
    account[~new], older = _customers(book, cell[~new], created[~new], last, rng)
    doubled = np.flatnonzero(duplicate)
    account[doubled] = account[doubled - 1]
    return account, [opened, older, book.merged_duplicates(opened, last, rng)]


def _amounts_of(
    company: Company, cell: Ints, lives: Lives, currency: Codes, rates: Rates, rng: Generator
) -> tuple[RecordedAmounts, Floats]:
    """Amounts in each deal's currency, and the rate at qualification (else at creation)."""
    valued_at = np.where(np.isfinite(lives.qualified), lives.qualified, lives.created)
    rate = rates.at(currency, to_day(valued_at))
    unit = np.array(AMOUNT_UNIT)[currency]
    exact = draw_amounts(company, cell, lives, rng)
    amounts = RecordedAmounts(
        at_creation=round_to(exact.at_creation * rate, unit),
        at_qualification=round_to(exact.at_qualification * rate, unit),
        at_close=round_to(exact.at_close * rate, unit),
        timing=exact.timing,
        unit=unit,
    )
    return amounts, rate


def _answers(source: Ints, rng: Generator) -> tuple[Codes, Codes]:
    """Draw what buyers say brought them: a first, sometimes a second answer, -1 for none."""
    n, choices = len(source), len(SELF_REPORTED)
    answered = rng.random(n) >= _NO_ANSWER
    first = np.where(answered, (rng.random(n) ** 1.4 * choices).astype(np.int64), -1)
    two = answered & (rng.random(n) < _SECOND_ANSWER)
    second = np.where(two, (first + 1 + 3 * (source % 2)) % choices, -1)
    return first.astype(np.int8), second.astype(np.int8)


def _owner_changes(
    organisation: Organisation,
    group: Ints,
    owner: Ints,
    lives: Lives,
    rng: Generator,
) -> tuple[Floats, Ints]:
    """Draw when each deal changes hands (model days, infinite = never) and to whom."""
    n = len(owner)
    leaves = organisation.users.end[owner]
    handed_over = leaves + 0.5 + 5 * rng.random(n)
    at_random = lives.created + (lives.active_until - lives.created) * rng.random(n)
    at = np.where(
        (handed_over < lives.active_until) & (leaves > lives.created),
        handed_over,
        np.where(rng.random(n) < _OWNER_CHANGE, at_random, np.inf),
    )
    due = np.flatnonzero(np.isfinite(at))
    heir = owner.copy()
    heir[due] = assign(
        organisation.executives, organisation.executive_managers, group[due], at[due], rng
    )
    return np.where(heir == owner, np.inf, at), heir


def _corrections(
    code: Codes, values: int, share: float, lives: Lives, rng: Generator
) -> tuple[Floats, Codes]:
    """Draw values entered wrongly at first: when they are put right, and the wrong value."""
    n = len(code)
    wrong = (code + 1 + (rng.random(n) * (values - 1)).astype(np.int64)) % values
    room = lives.active_until - lives.created
    at = lives.created + np.minimum(0.1 + 3 * rng.random(n), 0.5 * room)
    return np.where(rng.random(n) < share, at, np.inf), wrong.astype(np.int8)


def simulate_deals(
    company: Company,
    book: AccountBook,
    organisation: Organisation,
    rates: Rates,
    quarters: Quarters,
    first_number: int,
    created: Floats,
    cutoff: int,
    currencies: tuple[str, ...],
    rng: Generator,
) -> tuple[Deals, list[Accounts]]:
    """Simulate opportunities created at the given sorted model times, and their new accounts."""
    n = len(created)
    last = float(cutoff / _DAY - 4)
    cell = draw_cells(company, n, rng)
    duplicate = rng.random(n) < truth.DUPLICATE
    duplicate[:1] = False
    cell[duplicate] = cell[np.flatnonzero(duplicate) - 1]
    segment, deal_type, territory, source = cell_codes(cell)
    opening = OPENING_SECONDS[territory]
    lives = draw_lives(company, cell, created, quarters, rng)
    account, accounts = _accounts_of(book, cell, lives, duplicate, last, rng)
    country = book.country_at(account, created)
    currency = draw_currencies(country, currencies, rng)
    amounts, rate = _amounts_of(company, cell, lives, currency, rates, rng)
    plan = plan_close_dates(company, cell, lives, quarters, rng)
    deleted = duplicate | (rng.random(n) < truth.DELETED - truth.DUPLICATE)
    deleted_at = np.where(
        deleted, created + 0.5 + rng.exponential(np.where(duplicate, 12.0, 70.0)), np.inf
    )
    recorded = record(lives, amounts, plan, deleted_at, opening, cutoff, rng)

    group = segment * len(TERRITORIES) + territory
    owner = assign(organisation.executives, organisation.executive_managers, group, created, rng)
    handed_over, heir = _owner_changes(organisation, group, owner, lives, rng)
    developer = assign(
        organisation.developers, organisation.developer_managers, territory, created, rng
    )
    by_rep = (source == 1) | (deal_type == 1)
    by_machine = np.where(source == 5, organisation.system_user, developer)
    upsell = np.where(rng.random(n) < truth.UPSELL_SHARE, 1, 2)
    type_raw = np.where(deal_type == 0, 0, upsell).astype(np.int8)
    lead_source = draw_lead_sources(source, rng)
    source_fixed, source_wrong = _corrections(
        lead_source, len(LEAD_SOURCES), _SOURCE_CORRECTED, lives, rng
    )
    type_fixed, type_wrong = _corrections(type_raw, len(TYPE_RAW), _TYPE_CORRECTED, lives, rng)
    limit = np.where(recorded.deleted, recorded.modified, cutoff)

    def change(at: Floats, field: int, old: Ints | Codes, new: Ints | Codes) -> _Change:
        seconds = to_seconds(at, opening)
        return _Change(seconds, np.isfinite(at) & (seconds < limit), field, old, new)

    of_owner = change(handed_over, OWNER, owner, heir)
    of_source = change(source_fixed, LEAD_SOURCE, source_wrong, lead_source)
    of_type = change(type_fixed, TYPE, type_wrong, type_raw)
    changes = _collect([of_owner, of_source, of_type], owner)
    modified = recorded.modified.copy()
    np.maximum.at(modified, changes.opportunity, changes.recorded)
    answer, second_answer = _answers(source, rng)
    # A value not yet put right at the cut is still the wrong one.
    type_pending = np.isfinite(type_fixed) & ~of_type.seen
    source_pending = np.isfinite(source_fixed) & ~of_source.seen
    deals = Deals(
        first_number=first_number,
        cell=cell,
        account=account,
        country=country,
        currency=currency,
        type_raw=np.where(type_pending, type_wrong, type_raw),
        lead_source=np.where(source_pending, source_wrong, lead_source),
        answer=answer,
        second_answer=second_answer,
        owner=np.where(of_owner.seen, heir, owner),
        first_owner=owner,
        owner_changed=np.where(of_owner.seen, of_owner.recorded, -1),
        creator=np.where(by_rep, owner, by_machine),
        lives=lives,
        timing=amounts.timing,
        rate=rate,
        at_qualification=amounts.at_qualification / rate,
        at_close=amounts.at_close / rate,
        recorded=recorded,
        modified=modified,
        changes=changes,
        opening=opening,
    )
    return deals, accounts


@dataclass(frozen=True)
class _Change:
    """A change of one field of some of the deals, shape (n,)."""

    recorded: Ints
    seen: Flags
    field: int
    old: Ints | Codes
    new: Ints | Codes


def _collect(columns: list[_Change], author: Ints) -> FieldChanges:
    """Field changes in the order of opportunity, then time."""
    opportunity = np.concatenate([np.flatnonzero(change.seen) for change in columns])
    recorded = np.concatenate([change.recorded[change.seen] for change in columns])
    field = np.concatenate([np.full(int(change.seen.sum()), change.field) for change in columns])
    old = np.concatenate([change.old[change.seen] for change in columns])
    new = np.concatenate([change.new[change.seen] for change in columns])
    order = np.lexsort((field, recorded, opportunity))
    return FieldChanges(
        opportunity=opportunity[order],
        recorded=recorded[order],
        field=field[order].astype(np.int8),
        old=old[order].astype(np.int64),
        new=new[order].astype(np.int64),
        by=author[opportunity[order]],
    )
