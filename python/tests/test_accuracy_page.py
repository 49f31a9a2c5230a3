"""The page of docs/accuracy.md, from made-up sums."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from validate_accuracy import render, scores, verdict


def row(method: str, level: str = "company", **more: Any) -> dict[str, Any]:
    return {
        "measure": "bookings",
        "method": method,
        "method_kind": "model" if method == "outlook" else "naive",
        "description": f"what {method} does",
        "horizon_weeks": 13,
        "cell_level": level,
        "n": 8,
        "actual": Decimal(400),
        "error": Decimal(-40),
        "absolute_error": Decimal(60),
        "pinball": Decimal(18),
        "intervals": 0,
        "hits": 0,
        "first_as_of_date": date(2024, 3, 31),
        "last_as_of_date": date(2026, 6, 30),
        "as_of_date": date(2026, 8, 31),
    } | more


ROWS = [
    row("last_year", absolute_error=Decimal(80), pinball=Decimal(40)),
    row("last_year", "segment", absolute_error=Decimal(120)),
    row("outlook", intervals=8, hits=6),
    row("outlook", "segment", absolute_error=Decimal(100), intervals=24, hits=20),
]


def test_scores_are_ratios_of_sums_and_the_best_comes_first() -> None:
    best, other = scores(ROWS)["bookings", 13]
    assert (best.method, best.wape, best.bias, best.pinball) == ("outlook", 0.15, -0.1, 0.09)
    assert (best.wape_by_segment, best.hits, best.segment_hits) == (0.25, 6, 20)
    assert (other.method, other.wape, other.pinball) == ("last_year", 0.2, 0.2)


def test_the_page_says_which_is_better() -> None:
    page = render(ROWS)
    assert "from 2024-03-31 to 2026-06-30" in page
    assert "| **outlook** | 8 | 15.0% | 25.0% | -10.0% | 9.0% | 6 of 8 | 20 of 24 |" in page
    assert "6 of 8 intervals of the company held (75%), and 20 of 24 of its segments (83%)" in page
    assert "| last_year | 8 | 20.0% | 30.0% | -10.0% | 20.0% |  |  |" in page
    assert "WAPE of `outlook` 15.0%, below the best rule of thumb's, 20.0% (`last_year`)." in page


def test_a_model_that_is_beaten_is_said_to_be() -> None:
    worse = [r | {"absolute_error": Decimal(90)} if r["method"] == "outlook" else r for r in ROWS]
    assert "not below the best rule" in verdict(scores(worse)["bookings", 13])


def test_two_forecasts_make_no_verdict() -> None:
    few = [r | {"n": 2} for r in ROWS]
    assert verdict(scores(few)["bookings", 13]) == ""
