from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from reverse_funnel.errors import ReverseFunnelError
from reverse_funnel.headlines import coverage_table, created_table, headlines, starting_table
from reverse_funnel.text import NOTHING

Rows = list[dict[str, Any]]


def shown(renderable: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=160)
    console.print(renderable)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def row_of(lines: Sequence[str], name: str) -> list[str]:
    (line,) = [line for line in lines if f"│ {name} " in line]
    return [cell.strip() for cell in line.split("│")[1:-1]]


def created(segment: str, created_amount: int, target_amount: int | None) -> dict[str, Any]:
    target_count = None if target_amount is None else Decimal(target_amount) / 10
    return {
        "segment": segment,
        "fiscal_quarter": "FY2026-Q3",
        "plan_version": "FY2026-v1",
        "as_of_date": date(2026, 8, 31),
        "qtd_created_count": 3,
        "qtd_target_count": target_count,
        "qtd_created_amount": Decimal(created_amount),
        "qtd_target_amount": None if target_amount is None else Decimal(target_amount),
        "ytd_created_count": 30,
        "ytd_target_count": target_count,
        "ytd_created_amount": Decimal(created_amount) * 10,
        "ytd_target_amount": None if target_amount is None else Decimal(target_amount) * 10,
    }


def coverage(horizon: int, level: str, segment: str | None, ratio: float | None) -> dict[str, Any]:
    return {
        "close_quarter": f"FY2026-Q{3 + horizon}",
        "horizon": horizon,
        "cell_level": level,
        "segment": segment,
        "as_of_date": date(2026, 8, 31),
        "open_amount_real": Decimal(2_500_000),
        "bookings_goal": None if ratio is None else Decimal(1_000_000),
        "won_to_date": Decimal(0),
        "coverage_ratio": ratio,
        "to_go_coverage": ratio,
        "required_coverage": Decimal("3.0"),
        "gap_amount": None if ratio is None else Decimal(500_000),
    }


def starting(level: str, segment: str | None, *, is_known: bool = True) -> dict[str, Any]:
    known = {
        "forecast_start_amount": Decimal(2_600_000),
        "p10": Decimal(2_000_000),
        "p90": Decimal(3_300_000),
        "bookings_goal": Decimal(1_000_000),
        "forecast_coverage": 2.6,
        "required_coverage": Decimal("3.0"),
        "gap_amount": Decimal(400_000),
        "p_sufficient": 0.25,
    }
    return {
        "close_quarter": "FY2026-Q4",
        "weeks_to_start": 5,
        "cell_level": level,
        "segment": segment,
        "as_of_date": date(2026, 8, 31),
        "open_amount_real": Decimal(900_000),
    } | (known if is_known else dict.fromkeys(known))


def test_the_next_start_with_its_range_and_gap() -> None:
    rows = [starting("segment", "smb", is_known=False), starting("company", None)]
    lines = shown(starting_table(rows, currency="USD"))
    assert "What FY2026-Q4 will start with, USD, 5 weeks before" in lines[0]
    assert row_of(lines, "Total")[1:] == [
        *("900.0k", "2.60M", "2.00M", "3.30M", "1.00M"),
        *("2.60x", "3.00x", "400.0k", "25.0 %"),
    ]
    # a company too young for a forecast has dashes, and no zero
    assert row_of(lines, "smb")[1:] == ["900.0k", *[NOTHING] * 8]


def test_created_against_target_by_segment_with_a_total() -> None:
    rows = [created("enterprise", 900, 1000), created("smb", 300, 200)]
    lines = shown(created_table(rows, currency="USD"))
    assert row_of(lines, "enterprise")[1:4] == ["3 / 100", "900 / 1.0k", "90.0 %"]
    assert row_of(lines, "Total") == [
        "Total",
        "6 / 120",
        "1.2k / 1.2k",
        "100.0 %",
        "60 / 120",
        "12.0k / 12.0k",
        "100.0 %",
    ]
    assert "FY2026-v1" in "".join(lines)
    assert "2026-08-31" in "".join(lines)


def test_without_a_target_there_is_a_dash_and_no_zero() -> None:
    lines = shown(created_table([created("smb", 300, None)], currency="USD"))
    assert row_of(lines, "smb")[1:4] == [f"3 / {NOTHING}", f"300 / {NOTHING}", NOTHING]
    assert row_of(lines, "Total")[1:4] == [f"3 / {NOTHING}", f"300 / {NOTHING}", NOTHING]


def test_a_segment_without_a_target_does_not_hide_the_others() -> None:
    rows = [created("enterprise", 900, None), created("smb", 300, 200)]
    assert row_of(shown(created_table(rows, currency="USD")), "Total")[2] == "1.2k / 200"


def test_coverage_by_quarter_with_the_company_last() -> None:
    rows = [
        coverage(0, "segment", "smb", 2.5),
        coverage(0, "company", None, 2.5),
        coverage(1, "segment", "mid_market", None),
    ]
    lines = shown(coverage_table(rows, currency="USD"))
    assert row_of(lines, "FY2026-Q3")[1:] == [
        *("smb", "2.50M", "1.00M", "0", "2.50x", "2.50x", "3.00x", "500.0k"),
    ]
    (total,) = [line for line in lines if "│" in line and "Total" in line]
    assert lines.index(total) == 1 + lines.index(next(line for line in lines if "smb" in line))
    assert row_of(lines, "FY2026-Q4")[1:] == [
        *("mid_market", "2.50M", NOTHING, "0", NOTHING, NOTHING, "3.00x", NOTHING),
    ]


def test_the_marts_are_asked_once_each() -> None:
    asked: list[str] = []
    next_start = [starting("company", None)]

    def query(sql: str) -> Rows:
        asked.append(sql)
        if "pipeline_coverage" in sql:
            return [coverage(0, "company", None, 2.5)]
        if "starting_coverage_forecast" in sql:
            return next_start
        return [created("smb", 300, 200)]

    assert "will start with" in "".join(shown(headlines(query, currency="USD")))
    assert len(asked) == 3
    assert "{{ ref('pipeline_created_vs_target') }}" in asked[0]
    assert "{{ ref('pipeline_coverage') }}" in asked[1]
    assert "{{ ref('starting_coverage_forecast') }}" in asked[2]

    # a CRM without a history of its pipeline has no snapshot to forecast from
    next_start.clear()
    assert "will start with" not in "".join(shown(headlines(query, currency="USD")))


def test_empty_marts_say_to_build() -> None:
    with pytest.raises(ReverseFunnelError, match="dbt build"):
        created_table([], currency="USD")
    with pytest.raises(ReverseFunnelError, match="dbt build"):
        coverage_table([], currency="USD")
