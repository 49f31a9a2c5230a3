from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reverse_funnel.backtest.store import HEADER, STORE_FILE, ForecastStore
from reverse_funnel.errors import InputError

DAY = date(2025, 12, 31)
TODAY = date(2026, 8, 31)


def forecast(amount: str, **other: Any) -> dict[str, Any]:
    return {
        "measure": "bookings",
        "method": "outlook",
        "fiscal_quarter": "FY2026-Q1",
        "fiscal_quarter_start": date(2026, 1, 1),
        "due_on": date(2026, 3, 31),
        "cell_level": "company",
        "segment": None,
        "forecast": Decimal(amount),
        "p10": Decimal("80"),
        "p50": Decimal("99.5"),
        "p90": None,
    } | other


def add(store: ForecastStore, *rows: dict[str, Any], day: date = DAY, by: str = "v1") -> int | None:
    return store.add(day, rows, model_version=by, data_as_of_date=TODAY)


def written(tmp_path: Path) -> list[str]:
    return (tmp_path / "backtests" / STORE_FILE).read_text().splitlines()


def test_forecasts_are_written_as_they_are(tmp_path: Path) -> None:
    assert add(ForecastStore(tmp_path), forecast("100")) == 1
    assert written(tmp_path) == [
        ",".join(HEADER),
        "2025-12-31,1,bookings,outlook,FY2026-Q1,2026-01-01,2026-03-31,company,,"
        "100.00,80.00,99.50,,v1,2026-08-31",
    ]


def test_the_same_forecasts_again_change_nothing(tmp_path: Path) -> None:
    smb = forecast("40", cell_level="segment", segment="smb")
    add(ForecastStore(tmp_path), forecast("100"), smb)
    before = written(tmp_path)
    assert add(ForecastStore(tmp_path), smb, forecast("100.004"), by="v2") is None
    assert written(tmp_path) == before


def test_other_forecasts_are_the_next_vintage_and_the_first_one_stays(tmp_path: Path) -> None:
    store = ForecastStore(tmp_path)
    add(store, forecast("100"))
    first = written(tmp_path)[1]
    assert add(store, forecast("110"), by="v2") == 2
    assert add(ForecastStore(tmp_path), forecast("100")) == 3
    lines = written(tmp_path)
    assert len(lines) == 4
    assert lines[1] == first
    assert ForecastStore(tmp_path).latest_vintage(DAY) == 3


def test_days_do_not_touch_each_other(tmp_path: Path) -> None:
    store = ForecastStore(tmp_path)
    add(store, forecast("100"))
    earlier = date(2025, 9, 30)
    assert store.latest_vintage(earlier) == 0
    assert add(store, forecast("90"), day=earlier) == 1
    assert [line[:12] for line in written(tmp_path)[1:]] == ["2025-09-30,1", "2025-12-31,1"]


def test_nothing_is_no_vintage(tmp_path: Path) -> None:
    assert add(ForecastStore(tmp_path)) is None
    assert not (tmp_path / "backtests").exists()


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("", 1),
        ("other,columns\n", 1),
        (",".join(HEADER) + "\n2025-12-31,1,bookings\n", 2),
        (",".join(HEADER) + "\n2025-12-31,one" + "," * 13 + "\n", 2),
    ],
)
def test_a_file_somebody_else_has_written_is_refused(tmp_path: Path, text: str, row: int) -> None:
    (tmp_path / "backtests").mkdir()
    (tmp_path / "backtests" / STORE_FILE).write_text(text)
    with pytest.raises(InputError) as caught:
        ForecastStore(tmp_path)
    assert caught.value.faults[0].row == row
