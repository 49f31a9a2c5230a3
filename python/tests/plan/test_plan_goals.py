from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from plan_builders import AS_OF, GOALS_HEADER, SMB, goal_lines, write_seeds
from reverse_funnel.errors import InputError
from reverse_funnel.plan.goals import GOALS_FILE, ApprovedGoals, read_goals
from reverse_funnel.plan.model import GoalCell
from reverse_funnel.plan.months import month_of

DIMENSIONS = ("segment", "deal_type", "territory", "pipeline_source")
ENTERPRISE = GoalCell("enterprise", "new_business", "apac")
GOOD = "2026-01-01,smb,new_business,emea,100.50,USD,FY2026,2025-12-10,CFO"


def read(
    folder: Path,
    lines: list[str],
    *,
    version: str | None = None,
    as_of: date = AS_OF,
    dimensions: tuple[str, ...] = DIMENSIONS,
    start_month: int = 1,
) -> ApprovedGoals:
    file = read_goals(
        write_seeds(folder, lines),
        corporate_currency="USD",
        plan_dimensions=dimensions,
        fiscal_year_start_month=start_month,
    )
    return file.in_force(as_of) if version is None else file.named(version)


def test_goals_become_a_table_of_cells_and_months(tmp_path: Path) -> None:
    lines = [*goal_lines([1, 2, 3]), *goal_lines([10, 0, "30.25"], cell=ENTERPRISE)]  # type: ignore[list-item]
    goals = read(tmp_path, list(reversed(lines)))
    assert goals.goals.cells == (ENTERPRISE, SMB.goal_cell)
    assert goals.goals.first_month == month_of(date(2026, 1, 1))
    assert goals.goals.amount.tolist() == [[10, 0, 30.25], [1, 2, 3]]
    assert goals.total == Decimal("46.25")
    assert (goals.version, goals.approved_at, goals.approved_by) == (
        "FY2026",
        date(2025, 12, 10),
        "CFO",
    )


def test_the_version_approved_last_is_read(tmp_path: Path) -> None:
    lines = [*goal_lines([1]), *goal_lines([2], version="board", approved_at="2025-12-31")]
    assert read(tmp_path, lines).version == "board"
    assert read(tmp_path, lines, version="FY2026").goals.amount.tolist() == [[1]]


def test_a_version_of_mid_year_is_in_force_from_its_approval_for_its_months(
    tmp_path: Path,
) -> None:
    midyear = goal_lines(
        [5] * 6, start=date(2026, 7, 1), version="midyear", approved_at="2026-06-15"
    )
    lines = [*midyear, *goal_lines([1] * 12)]
    for as_of in (AS_OF, date(2026, 6, 14)):
        before = read(tmp_path, lines, as_of=as_of)
        assert (before.version, before.approved_at) == ("FY2026", date(2025, 12, 10))
        assert before.goals.amount.tolist() == [[1] * 12]
    after = read(tmp_path, lines, as_of=date(2026, 6, 15))
    assert (after.version, after.approved_at) == ("FY2026; midyear", date(2026, 6, 15))
    assert after.goals.amount.tolist() == [[1] * 6 + [5] * 6]
    assert after.total == 36
    # as the plan records them, they can be asked for again
    assert read(tmp_path, lines, version=after.version).rows == after.rows
    assert read(tmp_path, lines, version="midyear").goals.amount.tolist() == [[5] * 6]


def test_next_years_goals_leave_this_years_alone(tmp_path: Path) -> None:
    lines = [
        *goal_lines([9] * 12, start=date(2025, 1, 1), version="FY2025", approved_at="2024-12-10"),
        *goal_lines([1] * 12),
        *goal_lines([2] * 12, start=date(2027, 1, 1), version="FY2027", approved_at="2026-09-15"),
    ]
    year, both = [1.0] * 12, [1.0] * 12 + [2.0] * 12
    first_month = month_of(date(2026, 1, 1))
    for as_of, amounts in ((date(2026, 9, 14), year), (date(2026, 9, 15), both)):
        found = read(tmp_path, lines, as_of=as_of)
        assert found.goals.first_month == first_month
        assert found.goals.amount.tolist() == [amounts]
    # on the last day of the year the next one begins
    next_year = read(tmp_path, lines, as_of=date(2026, 12, 31))
    assert (next_year.version, next_year.goals.first_month) == ("FY2027", first_month + 12)
    # the fiscal year runs from July
    july = read(tmp_path, lines, as_of=date(2026, 9, 15), start_month=7)
    assert july.goals.first_month == first_month + 6
    assert july.goals.amount.tolist() == [[1.0] * 6 + [2.0] * 12]


def test_a_version_is_in_force_with_all_its_cells(tmp_path: Path) -> None:
    lines = [
        *goal_lines([1, 1, 1]),
        *goal_lines([10, 10, 10], cell=ENTERPRISE),
        *goal_lines([2, 2], start=date(2026, 2, 1), version="b", approved_at="2025-12-31"),
    ]
    # the second version sets no goal for enterprise
    assert read(tmp_path, lines).goals.amount.tolist() == [[10, 0, 0], [1, 2, 2]]


def test_goals_approved_later_only_are_said_to_be(tmp_path: Path) -> None:
    old = goal_lines([9] * 12, start=date(2025, 1, 1), version="FY2025", approved_at="2024-12-10")
    later = [
        *goal_lines([1] * 12, version="board", approved_at="2026-01-20"),
        *goal_lines([1] * 12, version="first", approved_at="2026-01-15"),
    ]
    for lines, problem in (
        (later, "no goals were approved by 2025-12-31; "),
        (
            [*old, *later],
            "the last goal of version 'FY2025' is of 2025-12-01, which is over as of 2025-12-31; ",
        ),
    ):
        with pytest.raises(InputError) as caught:
            read(tmp_path, lines)
        (fault,) = caught.value.faults
        assert fault.problem == f"{problem}version 'first' was approved only on 2026-01-15"
        assert fault.column == "approved_at"
        assert "plan as of 2026-01-15 or later" in fault.remedy
        assert "--goals-version" in fault.remedy
        assert read(tmp_path, lines, version="board").total == 12


def test_a_year_without_goals_between_two_others_is_named(tmp_path: Path) -> None:
    lines = [*goal_lines([1] * 12), *goal_lines([1], start=date(2027, 2, 1), version="FY2027")]
    with pytest.raises(InputError) as caught:
        read(tmp_path, lines)
    assert [fault.problem for fault in caught.value.faults] == [
        "no goals of 2027-01-01 are in force, only of months before and after"
    ]


def test_a_dimension_that_is_not_planned_by_is_summed_over(tmp_path: Path) -> None:
    apac = GoalCell("smb", "new_business", "apac")
    lines = [*goal_lines([1, 2]), *goal_lines([10, 20], cell=apac)]
    goals = read(tmp_path, lines, dimensions=("segment", "deal_type", "pipeline_source"))
    assert goals.goals.cells == (GoalCell("smb", "new_business", "all"),)
    assert goals.goals.amount.tolist() == [[11, 22]]


def test_a_byte_order_mark_blank_lines_and_further_columns_do_no_harm(tmp_path: Path) -> None:
    seeds = write_seeds(tmp_path, [])
    (seeds / GOALS_FILE).write_text(f'\ufeff{GOALS_HEADER},note\n\n{GOOD},"a, b"\n', "utf-8")
    file = read_goals(seeds, corporate_currency="USD", plan_dimensions=DIMENSIONS)
    assert file.in_force(AS_OF).total == Decimal("100.50")


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("fiscal_month", "2026-01-15", "'2026-01-15' is not the first day of a month"),
        ("fiscal_month", "01/02/2026", "is not a date of the form YYYY-MM-DD"),
        ("fiscal_month", "2026-13-01", "is not a date of the form YYYY-MM-DD"),
        ("fiscal_month", "", "is empty"),
        ("segment", "", "is empty"),
        ("segment", "enterprize", "'enterprize' is not a known segment"),
        ("deal_type", "renewal", "'renewal' is not a known deal_type"),
        ("territory", "EMEA", "'EMEA' is not a known territory"),
        ("territory", "all", "'all' is not a known territory"),
        ("bookings_goal", "-1", "'-1' is negative"),
        ("bookings_goal", "1e5x", "'1e5x' is not a number"),
        ("bookings_goal", "NaN", "'NaN' is not a number"),
        ("bookings_goal", "1.005", "'1.005' has more than two decimals"),
        ("bookings_goal", "", "is empty"),
        ("currency", "EUR", "'EUR' is not the corporate currency USD"),
        ("currency", "$", "'$' is not a currency code"),
        ("version", "", "is empty"),
        ("version", "a; b", "'a; b' holds a semicolon"),
        ("approved_at", "10.12.2025", "is not a date of the form YYYY-MM-DD"),
        ("approved_by", "", "is empty"),
    ],
)
def test_a_faulty_cell_is_named_with_row_and_column(
    tmp_path: Path, column: str, value: str, problem: str
) -> None:
    cells = dict(zip(GOALS_HEADER.split(","), GOOD.split(","), strict=True))
    faulty = ",".join({**cells, column: value}.values())
    with pytest.raises(InputError) as caught:
        read(tmp_path, [GOOD.replace("FY2026,2025", "FY2025,2024"), faulty])
    (fault,) = caught.value.faults
    assert (fault.row, fault.column) == (3, column)
    assert str(fault.file).endswith("seeds/finance/bookings_goals.csv")
    assert problem in fault.problem
    assert fault.remedy


def test_a_near_miss_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean enterprise"):
        read(tmp_path, [GOOD.replace("smb", "enterprize")])


def test_all_faults_are_reported_together(tmp_path: Path) -> None:
    lines = [GOOD.replace("100.50", "x"), GOOD.replace("USD", "usd"), "too,few"]
    with pytest.raises(InputError) as caught:
        read(tmp_path, lines)
    assert [(fault.row, fault.column) for fault in caught.value.faults] == [
        (2, "bookings_goal"),
        (3, "currency"),
        (4, None),
    ]


def test_a_repeated_month_names_both_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, [*goal_lines([1, 2]), *goal_lines([3])])
    (fault,) = caught.value.faults
    assert fault.row == 4
    assert "repeats row 2: smb / new_business / emea in 2026-01-01" in fault.problem


def test_a_missing_month_is_named_after_the_row_before_it(tmp_path: Path) -> None:
    gap = goal_lines([1, 2, 3, 4], cell=ENTERPRISE)
    del gap[2]
    late = goal_lines([1, 2], cell=GoalCell("smb", "expansion", "emea"), start=date(2026, 3, 1))
    with pytest.raises(InputError) as caught:
        read(tmp_path, [*goal_lines([1, 2, 3, 4]), *gap, *late])
    assert [(fault.row, fault.column, fault.problem) for fault in caught.value.faults] == [
        (7, "fiscal_month", "no goal for enterprise / new_business / apac in 2026-03-01"),
        (9, "fiscal_month", "no goal for smb / expansion / emea in 2026-01-01"),
        (9, "fiscal_month", "no goal for smb / expansion / emea in 2026-02-01"),
    ]


def test_faults_of_a_version_that_is_not_read_do_not_matter(tmp_path: Path) -> None:
    old = [line.replace("smb", "tiny") for line in goal_lines([1], version="FY2020")]
    lines = [*old, *goal_lines([1], approved_at="2025-12-31")]
    assert read(tmp_path, lines).version == "FY2026"


def test_two_versions_approved_on_one_day_must_be_chosen_between(tmp_path: Path) -> None:
    lines = [*goal_lines([1], version="a"), *goal_lines([1], version="b")]
    with pytest.raises(InputError, match="versions a, b were approved on the same day") as caught:
        read(tmp_path, lines)
    assert caught.value.faults[0].column == "approved_at"
    assert "2026-01-01" in caught.value.faults[0].problem
    assert read(tmp_path, lines, version="a").version == "a"
    # each for months of its own, there is nothing to choose
    apart = [*goal_lines([1]), *goal_lines([2], start=date(2026, 2, 1), version="rest")]
    assert read(tmp_path, apart).goals.amount.tolist() == [[1, 2]]


def test_rows_added_to_an_approved_version_are_refused(tmp_path: Path) -> None:
    first, second = goal_lines([1, 2])
    with pytest.raises(InputError) as caught:
        read(tmp_path, [first, second.replace("2025-12-10", "2026-03-01")])
    (fault,) = caught.value.faults
    assert (fault.row, fault.column) == (3, "approved_at")


def test_an_unknown_version_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of: FY2026"):
        read(tmp_path, goal_lines([1]), version="FY2030")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    seeds = write_seeds(tmp_path, [])
    (seeds / GOALS_FILE).write_text(GOALS_HEADER.replace("currency,", "") + "\n")
    with pytest.raises(InputError) as caught:
        read_goals(seeds, corporate_currency="USD", plan_dimensions=DIMENSIONS)
    (fault,) = caught.value.faults
    assert (fault.row, fault.column, fault.problem) == (1, "currency", "is missing")


def test_a_file_without_goals_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no goal"):
        read(tmp_path, [])


def test_a_missing_file_says_what_to_write(tmp_path: Path) -> None:
    seeds = write_seeds(tmp_path, [])
    (seeds / GOALS_FILE).unlink()
    with pytest.raises(InputError, match="not found") as caught:
        read_goals(seeds, corporate_currency="USD", plan_dimensions=DIMENSIONS)
    assert "fiscal_month" in caught.value.faults[0].remedy


def test_text_in_another_encoding_is_named_with_its_row(tmp_path: Path) -> None:
    seeds = write_seeds(tmp_path, [])
    (seeds / GOALS_FILE).write_bytes(f"{GOALS_HEADER}\n{GOOD}\n{GOOD}é\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8") as caught:
        read_goals(seeds, corporate_currency="USD", plan_dimensions=DIMENSIONS)
    assert caught.value.faults[0].row == 3
