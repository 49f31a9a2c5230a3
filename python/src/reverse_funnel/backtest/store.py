"""Recorded forecasts on disk: a seed that is only ever added to.

All forecasts of an as-of date are added together, as a vintage of that date, or none is. Making
them again with the same result adds nothing; with another result (the models or the data have
changed) it adds the next vintage, and the earlier one stays.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from reverse_funnel.errors import Fault, InputError
from reverse_funnel.plan.vintages import replace_files

STORE_DIR = Path("backtests")
STORE_FILE = "backtest_forecasts.csv"

FORECAST_COLUMNS = (
    "measure",
    "method",
    "fiscal_quarter",
    "fiscal_quarter_start",
    "due_on",
    "cell_level",
    "segment",
    "forecast",
    "p10",
    "p50",
    "p90",
)
HEADER = ("as_of_date", "vintage_number", *FORECAST_COLUMNS, "model_version", "data_as_of_date")

TextRow = tuple[str, ...]


class ForecastStore:
    """The store as read from a seeds folder.

    Raises `InputError` where the file is not one that this class has written.
    """

    def __init__(self, seeds_dir: Path) -> None:
        self.folder = seeds_dir / STORE_DIR
        self._rows = _read(self.folder / STORE_FILE)

    def latest_vintage(self, day: date) -> int:
        """Return the number of the latest vintage of an as-of date; 0 where there is none."""
        return max((int(row[1]) for row in self._rows if row[0] == day.isoformat()), default=0)

    def add(
        self,
        day: date,
        forecasts: Iterable[Mapping[str, Any]],
        *,
        model_version: str,
        data_as_of_date: date,
    ) -> int | None:
        """Add the forecasts of an as-of date as its next vintage, and write the file.

        Parameters
        ----------
        day
            The as-of date.
        forecasts
            Rows with `FORECAST_COLUMNS`: amounts in corporate currency as Decimal or None, days as
            date, the rest text; None reads as empty.
        model_version
            What made them.
        data_as_of_date
            The day the warehouse spoke for.

        Returns
        -------
        The number of the vintage; None, with nothing written, when the latest vintage of the date
        has the same forecasts already.

        """
        made = sorted(tuple(_text(row[name]) for name in FORECAST_COLUMNS) for row in forecasts)
        latest = self.latest_vintage(day)
        inside = slice(2, 2 + len(FORECAST_COLUMNS))
        recorded = sorted(
            row[inside] for row in self._rows if row[:2] == (day.isoformat(), str(latest))
        )
        if made == recorded:
            return None
        added = [
            (day.isoformat(), str(latest + 1), *row, model_version, data_as_of_date.isoformat())
            for row in made
        ]
        rows = sorted([*self._rows, *added], key=lambda row: (row[0], int(row[1]), row[2:]))
        replace_files(self.folder, {STORE_FILE: _lines([HEADER, *rows]).encode()})
        self._rows = rows
        return latest + 1


def _read(path: Path) -> list[TextRow]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        lines = [tuple(line) for line in csv.reader(stream) if line]
    if not lines or lines[0] != HEADER:
        raise InputError(
            Fault(
                file=path,
                row=1,
                problem="does not have the expected columns",
                remedy=f"restore the header: {','.join(HEADER)}",
            )
        )
    for number, row in enumerate(lines[1:], start=2):
        if len(row) != len(HEADER) or not row[1].isdecimal():
            raise InputError(
                Fault(
                    file=path,
                    row=number,
                    problem="is cut short or has no vintage number",
                    remedy="restore the file: it is written by `reverse-funnel backtest` only",
                )
            )
    return lines[1:]


def _text(value: Any) -> str:
    """Return a value as the file has it: dates as YYYY-MM-DD, amounts with two decimals."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()[:10]
    return value if isinstance(value, str) else f"{value:.2f}"


def _lines(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
