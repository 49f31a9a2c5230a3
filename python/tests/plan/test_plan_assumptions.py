from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from plan_builders import AS_OF, ROUND, SMB, SMB_OUTBOUND, mart_rows
from reverse_funnel.errors import InputError, ReverseFunnelError
from reverse_funnel.plan.assumptions import AssumptionBook, Lags, read_assumptions, tabulate


def book_of(rows: list[dict[str, Any]]) -> AssumptionBook:
    return read_assumptions(lambda _sql: rows)


def test_the_query_asks_dbt_for_the_mart() -> None:
    asked: list[str] = []

    def query(sql: str) -> list[dict[str, Any]]:
        asked.append(sql)
        return mart_rows({SMB: {}})

    read_assumptions(query)
    assert len(asked) == 1
    assert "{{ ref('assumptions') }}" in asked[0]


def test_assumptions_become_arrays_in_the_order_of_the_cells() -> None:
    book = book_of(mart_rows({SMB: {"source_mix": 0.6}, SMB_OUTBOUND: {"source_mix": 0.4}}))
    table = tabulate(book, (SMB.goal_cell,))
    assert table.cells == (SMB_OUTBOUND, SMB)
    assert table.mix.value.tolist() == [0.4, 0.6]
    assert table.goal_index.tolist() == [0, 0]
    assert table.kernel.tolist() == [[0, 0, 1], [0, 0, 1]]
    assert table.measured.all()
    assert table.yield_per_opportunity.tolist() == [10_000, 10_000]


def test_upstream_steps_multiply_rates_and_add_days_before_rounding() -> None:
    table = tabulate(book_of(mart_rows({SMB: {}})), (SMB.goal_cell,), Lags.MEAN)
    completed, accepted, lead = table.upstream
    assert [step.name for step in table.upstream] == [
        "meeting_completed",
        "meeting_accepted",
        "lead",
    ]
    assert completed.per_qualified.tolist() == [2.0]
    assert accepted.per_qualified.tolist() == [2.5]
    assert lead.per_qualified.tolist() == [25.0]
    # 10, 20 and 40 days: rounded one by one the lead would come in the same month.
    assert completed.kernel.tolist() == [[1.0]]
    assert accepted.kernel.tolist() == [[0.0, 1.0]]
    assert lead.kernel.tolist() == [[0.0, 1.0]]


def test_only_the_share_that_starts_as_a_lead_needs_leads() -> None:
    rows = mart_rows({SMB: {"lead_sourced_share": 0.5}, SMB_OUTBOUND: {"lead_sourced_share": 0.0}})
    lead = tabulate(book_of(rows), (SMB.goal_cell,)).upstream[-1]
    np.testing.assert_array_equal(lead.per_qualified, [np.nan, 12.5])


@pytest.mark.parametrize("missing", ["null", "absent", "zero"])
def test_a_step_without_a_rate_has_no_target_nor_have_those_before_it(missing: str) -> None:
    rate = "meeting_accepted_to_completed_rate"
    rows = mart_rows({SMB: {rate: 0.0 if missing == "zero" else None}})
    if missing == "absent":
        rows = [row for row in rows if row["parameter"] != rate]
    completed, accepted, lead = tabulate(book_of(rows), (SMB.goal_cell,)).upstream
    assert completed.per_qualified.tolist() == [2.0]
    assert np.isnan(accepted.per_qualified).all()
    assert np.isnan(lead.per_qualified).all()


@pytest.mark.parametrize(
    "parameter", ["source_mix", "win_rate", "won_amount", "days_qualified_to_won"]
)
def test_a_cell_without_an_essential_parameter_is_not_measured(parameter: str) -> None:
    table = tabulate(book_of(mart_rows({SMB: {parameter: None}})), (SMB.goal_cell,))
    assert not table.measured.any()
    assert table.yield_per_opportunity.tolist() == [0.0]


def test_cells_of_other_goals_are_left_out() -> None:
    other = SMB._replace(segment="enterprise")
    book = book_of(mart_rows({SMB: {}, other: {}}))
    assert tabulate(book, (SMB.goal_cell,)).cells == (SMB,)
    assert {entry.cell for entry in book.within([other.goal_cell]).entries} == {other}


def test_values_are_rounded_before_anything_is_computed_from_them() -> None:
    rows = mart_rows({SMB: {"win_rate": 1 / 3, "won_amount": 100 / 3}})
    table = tabulate(book_of(rows), (SMB.goal_cell,))
    assert table.win_rate.value.tolist() == [0.33333333]
    assert table.won_amount.value.tolist() == [33.33]


def test_parameters_the_plan_does_not_read_are_ignored() -> None:
    rows = mart_rows({SMB: {}})
    rows.append({**rows[0], "parameter": "days_in_orbit", "value": Decimal("-1")})
    assert {entry.parameter for entry in book_of(rows).entries} == set(ROUND)


def test_intervals_and_origins_are_carried() -> None:
    rows = mart_rows(
        {SMB: {}}, lower=Decimal("0.1"), upper=Decimal("0.5"), measured_level="company"
    )
    book = book_of(rows)
    assert tabulate(book, (SMB.goal_cell,)).win_rate.lower.tolist() == [0.1]
    assert tabulate(book, (SMB.goal_cell,)).win_rate.upper.tolist() == [0.5]
    assert all(entry.uses_parent for entry in book.entries)


def test_an_override_is_not_a_parents_value() -> None:
    rows = mart_rows({SMB: {}}, measured_level="company", override_value=Decimal("0.3"))
    entries = book_of(rows).entries
    assert all(entry.is_override for entry in entries)
    assert not any(entry.uses_parent for entry in entries)


def test_a_mix_measured_in_its_goal_cell_is_its_own() -> None:
    book = book_of(mart_rows({SMB: {}}, measured_level="goal_cell"))
    assert not any(entry.uses_parent for entry in book.entries)


@pytest.mark.parametrize(
    ("parameter", "value", "problem"),
    [
        ("win_rate", 1.5, "win_rate of smb / new_business / emea / marketing / all is above 1"),
        ("won_amount", -5.0, "is negative"),
        ("days_qualified_to_won", -1.0, "is negative"),
    ],
)
def test_impossible_values_are_refused_by_name(parameter: str, value: float, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        book_of(mart_rows({SMB: {parameter: value}}))
    assert caught.value.faults[0].column == "value"


def test_a_repeated_row_is_refused() -> None:
    rows = mart_rows({SMB: {}})
    with pytest.raises(InputError, match="two rows for win_rate of smb"):
        book_of([*rows, next(row for row in rows if row["parameter"] == "win_rate")])


def test_a_mart_of_several_days_is_refused() -> None:
    rows = [*mart_rows({SMB: {}}), *mart_rows({SMB_OUTBOUND: {}}, as_of_date=date(2026, 9, 1))]
    with pytest.raises(InputError, match="2025-12-31, 2026-09-01"):
        book_of(rows)


def test_an_empty_mart_says_to_build_it() -> None:
    with pytest.raises(ReverseFunnelError, match="dbt build"):
        book_of([])


@pytest.mark.parametrize("day", [AS_OF, datetime(2025, 12, 31), "2025-12-31"])
def test_the_day_is_read_whatever_the_adapter_makes_of_dates(day: object) -> None:
    assert book_of(mart_rows({SMB: {}}, as_of_date=day)).as_of_date == AS_OF


def rows_by_month(parameter: str, values: dict[int, float]) -> list[dict[str, object]]:
    """Rows of the mart for a parameter with months."""
    one = mart_rows({SMB: {}})[0]
    return [
        {**one, "parameter": parameter, "month_number": month, "value": value}
        for month, value in values.items()
    ]


def test_kernels_are_read_month_by_month_and_a_missing_month_is_nothing() -> None:
    kernel = rows_by_month("kernel_qualified_to_won", {1: 0.5, 3: 0.3})
    table = tabulate(book_of([*mart_rows({SMB: {}}), *kernel]), (SMB.goal_cell,))
    np.testing.assert_allclose(table.kernel, [[0.0, 0.625, 0.0, 0.375]])


def test_a_duration_that_was_overruled_stretches_the_kernel() -> None:
    kernel = rows_by_month("kernel_qualified_to_won", {1: 0.5, 3: 0.5})
    rows = mart_rows({SMB: {"days_qualified_to_won": 3 * 30.4375}})
    for row in rows:
        if row["parameter"] == "days_qualified_to_won":
            row["override_value"] = row["value"]
    table = tabulate(book_of([*rows, *kernel]), (SMB.goal_cell,))
    np.testing.assert_allclose(table.kernel.sum(), 1.0)
    assert table.kernel[0] @ np.arange(table.kernel.shape[1]) == pytest.approx(3.0, abs=1e-4)
    measured = tabulate(book_of([*mart_rows({SMB: {}}), *kernel]), (SMB.goal_cell,))
    np.testing.assert_allclose(measured.kernel, [[0.0, 0.5, 0.0, 0.5]])


def test_a_kernel_that_sums_to_zero_is_its_mean() -> None:
    kernel = rows_by_month("kernel_qualified_to_won", {1: 0.0, 3: 0.0})
    table = tabulate(book_of([*mart_rows({SMB: {}}), *kernel]), (SMB.goal_cell,))
    np.testing.assert_allclose(table.kernel, [[0.0, 0.0, 1.0]])


def test_seasons_are_of_fiscal_months() -> None:
    season = rows_by_month("closing_seasonality", {1: 2.0, 12: 0.5})
    book = book_of([*mart_rows({SMB: {}}), *season])
    calendar, february = (
        tabulate(book, (SMB.goal_cell,), fiscal_year_start_month=start).closing[0]
        for start in (1, 2)
    )
    assert (calendar[0], calendar[11], calendar[1]) == (2.0, 0.5, 1.0)
    assert (february[1], february[0], february[11]) == (2.0, 0.5, 1.0)
