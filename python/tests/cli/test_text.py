from __future__ import annotations

from decimal import Decimal

import pytest

from reverse_funnel.text import NOTHING, count, money, multiple, percent, share_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (950, "950"),
        (999.4, "999"),
        (999.6, "1.0k"),
        (12_400, "12.4k"),
        (999_950, "1.00M"),
        (Decimal("1250000.00"), "1.25M"),
        (999_999_999, "1.00B"),
        (3.1e9, "3.10B"),
        (-2_500, "-2.5k"),
        (None, NOTHING),
    ],
)
def test_money_keeps_three_figures(value: float, text: str) -> None:
    assert money(value) == text


def test_what_is_not_there_is_a_dash_and_zero_is_zero() -> None:
    assert [form(None) for form in (count, money, percent, multiple)] == [NOTHING] * 4
    assert (count(0), percent(0), multiple(0)) == ("0", "0.0 %", "0.00x")


def test_counts_shares_and_multiples() -> None:
    assert (count(1234.5678), percent(0.9996), multiple(2.996)) == ("1,235", "100.0 %", "3.00x")
    assert percent(Decimal("0.996")) == "99.6 %"


@pytest.mark.parametrize(("part", "whole"), [(1, 0), (1, None), (None, 1), (0, Decimal(0))])
def test_a_share_of_nothing_is_nothing(part: float | None, whole: float | None) -> None:
    assert share_of(part, whole) is None


def test_a_share() -> None:
    assert share_of(Decimal(1), 4.0) == 0.25
