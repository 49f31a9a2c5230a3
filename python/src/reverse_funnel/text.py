"""Numbers and paths for people: short, and never a zero where there is nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

NOTHING = "\N{EN DASH}"

Figure = float | int | Decimal | None


def money(value: Figure) -> str:
    """Return an amount in three figures: 950, 12.4k, 1.25M, 3.10B."""
    if value is None:
        return NOTHING
    number = float(value)
    for size, unit, decimals in ((1e9, "B", 2), (1e6, "M", 2), (1e3, "k", 1)):
        # 999,950 reads 1.00M, not 1000.0k.
        if abs(number) >= 0.9995 * size:
            return f"{number / size:,.{decimals}f}{unit}"
    return f"{number:,.0f}"


def count(value: Figure) -> str:
    """Return a count without decimals."""
    return NOTHING if value is None else f"{float(value):,.0f}"


def percent(value: Figure) -> str:
    """Return a share as a percentage: 0.873 is 87.3 %."""
    return NOTHING if value is None else f"{100 * float(value):,.1f} %"


def multiple(value: Figure) -> str:
    """Return a coverage as a multiple: 2.96x."""
    return NOTHING if value is None else f"{float(value):,.2f}x"


def share_of(part: Figure, whole: Figure) -> float | None:
    """Return part ÷ whole; None where either is missing or there is nothing to divide by."""
    return float(part) / float(whole) if part is not None and whole else None


def short_path(path: Path) -> str:
    """Return a path as seen from the current folder where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
