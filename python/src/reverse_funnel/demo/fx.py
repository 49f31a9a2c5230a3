"""Exchange rates by month, with a slow drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from reverse_funnel.demo.calendar import (
    Floats,
    Ints,
    day_number,
    month_index,
    month_starts,
    months_between,
)
from reverse_funnel.demo.config import (
    BASE_RATES,
    COUNTRY_CURRENCY,
    CURRENCIES,
    DemoConfig,
)

_MONTHS_BEFORE_START = 24
_MONTHLY_DRIFT = 0.008
_LOCAL_SHARE = 0.85
"""Share of the deals of a country with its own currency that are made in it."""
AMOUNT_UNIT = (100.0, 100.0, 100.0, 10_000.0)


@dataclass(frozen=True)
class Rates:
    """Units of each currency for one unit of the corporate currency, by month."""

    first: date
    rate: Floats
    """Shape (months, currencies)."""

    def at(self, currency: NDArray[np.int8], day: Ints) -> Floats:
        """Return the rate of each currency on each calendar day (since 1970-01-01)."""
        month = np.clip(month_index(day, self.first), 0, len(self.rate) - 1)
        return np.asarray(self.rate[month, currency])

    def month_days(self) -> Ints:
        """First days of the months and, last, the end of the last one."""
        starts = month_starts(self.first, len(self.rate))
        return np.array([day_number(start) for start in starts], dtype=np.int64)


def build_rates(config: DemoConfig, rng: Generator) -> Rates:
    """Draw a mean-reverting walk around the base rates, from two years before the start."""
    first = month_starts(date(config.start.year - _MONTHS_BEFORE_START // 12, 1, 1), 1)[0]
    months = months_between(first, config.as_of) + 1
    log = np.zeros((months, len(CURRENCIES)))
    steps = rng.standard_normal((months, len(CURRENCIES))) * _MONTHLY_DRIFT
    for month in range(1, months):
        log[month] = 0.96 * log[month - 1] + steps[month]
    log[:, 0] = 0.0
    return Rates(first=first, rate=np.round(np.array(BASE_RATES) * np.exp(log), 5))


def draw_currencies(
    country: NDArray[np.int8], allowed: tuple[str, ...], rng: Generator
) -> NDArray[np.int8]:
    """Draw the currency each deal is made in: the country's for most, else the corporate one."""
    codes = np.array(
        [code if CURRENCIES[code] in allowed else 0 for code in COUNTRY_CURRENCY], dtype=np.int8
    )
    local = rng.random(len(country)) < _LOCAL_SHARE
    return np.where(local, codes[country], 0).astype(np.int8)
