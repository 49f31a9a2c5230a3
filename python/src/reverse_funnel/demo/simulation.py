"""The company's run through time, block by block, in a shape no CRM prescribes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng

from reverse_funnel.demo.accounts import AccountBook, Accounts
from reverse_funnel.demo.activities import Meetings, Touches, draw_meetings, draw_touches
from reverse_funnel.demo.calendar import Floats, Ints, Quarters, day_number
from reverse_funnel.demo.company import Company, CreationMonths, build_company, creation_months
from reverse_funnel.demo.config import BLOCK, DemoConfig
from reverse_funnel.demo.deals import Deals, simulate_deals
from reverse_funnel.demo.fx import Rates, build_rates
from reverse_funnel.demo.leads import Leads, simulate_leads
from reverse_funnel.demo.people import Organisation, build_organisation

_DAY = 86_400
_FUTURE_DAYS = 200
"""Deals of so many days after the cut are simulated for the sake of their open leads."""
_STREAM_COMPANY, _STREAM_CREATION, _STREAM_BLOCK, _STREAM_FUTURE = range(4)


@dataclass(frozen=True)
class Block:
    """One block of deals with its accounts, leads and activities; a future one has leads only."""

    deals: Deals
    accounts: list[Accounts]
    leads: Leads
    touches: Touches
    meetings: Meetings
    future: bool


@dataclass(frozen=True)
class Setting:
    """What is fixed before the first deal."""

    config: DemoConfig
    company: Company
    organisation: Organisation
    rates: Rates
    quarters: Quarters
    cutoff: int
    """Last recorded second, UTC."""
    model_changes: Ints
    """UTC seconds at which the lead-score model changed."""


def stream(config: DemoConfig, *key: int) -> Generator:
    """Open an independent random stream; the same key gives the same numbers."""
    return default_rng(SeedSequence(entropy=config.seed, spawn_key=key))


def build_setting(config: DemoConfig) -> Setting:
    """Set up the company, its people and its exchange rates."""
    rng = stream(config, _STREAM_COMPANY)
    start, end = day_number(config.start), day_number(config.as_of)
    changes = np.array([start + (end - start) * 0.42, start + (end - start) * 0.78])
    return Setting(
        config=config,
        company=build_company(),
        organisation=build_organisation(config, rng),
        rates=build_rates(config, rng),
        quarters=Quarters.of(config.fiscal_year_start_month),
        cutoff=(end + 1) * _DAY - 1,
        model_changes=(changes.astype(np.int64)) * _DAY,
    )


def creation_times(months: CreationMonths, total: int, rng: Generator) -> tuple[Ints, Generator]:
    """How many deals each month creates, as running totals with a leading 0."""
    counts = rng.multinomial(total, months.weight / months.weight.sum())
    return np.concatenate([[0], np.cumsum(counts)]), rng


def _times_in_months(
    months: CreationMonths, running: Ints, low: int, high: int, rng: Generator
) -> Floats:
    """Sorted creation times, in model days, of the deals numbered ``low`` to ``high``."""
    month = np.searchsorted(running, np.arange(low, high), side="right") - 1
    span = months.stop[month] - months.start[month]
    return np.sort(months.start[month] + span * rng.random(high - low))


def simulate(setting: Setting) -> Iterator[Block]:
    """Blocks of at most ``BLOCK`` deals in the order of creation, then the future one."""
    config = setting.config
    book = AccountBook()
    months = creation_months(config, config.as_of)
    running, _ = creation_times(months, config.opportunities, stream(config, _STREAM_CREATION))
    leads_so_far = 0
    for number, low in enumerate(range(0, config.opportunities, BLOCK)):
        high = min(low + BLOCK, config.opportunities)
        rng = stream(config, _STREAM_BLOCK, number)
        times = _times_in_months(months, running, low, high, rng)
        block = _simulate_block(setting, book, low, times, leads_so_far, False, rng)
        leads_so_far += len(block.leads)
        yield block
    rng = stream(config, _STREAM_FUTURE)
    times = _future_times(config, months, rng)
    for low in range(0, len(times), BLOCK):
        part = times[low : low + BLOCK]
        first = config.opportunities + low
        block = _simulate_block(setting, book, first, part, leads_so_far, True, rng)
        leads_so_far += len(block.leads)
        yield block


def _future_times(config: DemoConfig, past: CreationMonths, rng: Generator) -> Floats:
    tomorrow = config.as_of + timedelta(days=1)
    months = creation_months(
        config, config.as_of + timedelta(days=_FUTURE_DAYS), date(tomorrow.year, tomorrow.month, 1)
    )
    total = round(config.opportunities * months.weight.sum() / past.weight.sum())
    running, _ = creation_times(months, total, rng)
    times = _times_in_months(months, running, 0, total, rng)
    return np.asarray(times[times > past.stop[-1]])


def _simulate_block(
    setting: Setting,
    book: AccountBook,
    first_number: int,
    times: Floats,
    first_lead: int,
    future: bool,
    rng: Generator,
) -> Block:
    config, cutoff = setting.config, setting.cutoff
    deals, accounts = simulate_deals(
        setting.company,
        book,
        setting.organisation,
        setting.rates,
        setting.quarters,
        first_number,
        times,
        cutoff,
        config.currencies,
        rng,
    )
    leads = simulate_leads(
        deals, setting.organisation, first_lead, setting.model_changes, cutoff, future, rng
    )
    return Block(
        deals=deals,
        accounts=accounts,
        leads=leads,
        touches=draw_touches(deals, leads, cutoff, rng),
        meetings=draw_meetings(deals, leads, cutoff, rng),
        future=future,
    )
