"""Cohort maturation against triangles whose answers others have published.

Each triangle is a segment of its own in one small warehouse, and the models that develop it are
run on them as on any company's: what is tested is the SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import pytest

from conftest import Warehouse

pytestmark = pytest.mark.dbt

Triangle = Sequence[Sequence[float]]

# Taylor and Ashe (1983), as in Mack (1993) and England and Verrall (2002).
TAYLOR_ASHE: Triangle = [
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]

# Kellogg's inverted funnel, part III: won per 100 opportunities, quarter by quarter.
KELLOGG: Triangle = [
    [0, 4, 6, 2, 4, 2, 0],
    [2, 4, 8, 4, 2, 0, 0],
    [2, 0, 6, 6, 2, 4, 0],
    [0, 2, 10, 2, 0, 0, 0],
    [2, 4, 8, 4, 2, 0, 0],
    [4, 2, 4, 6, 2, 2, 0],
    [2, 2, 6, 4, 2, 0],
    [2, 4, 8, 0, 2],
    [0, 4, 6, 2],
    [2, 4, 8],
    [0, 4],
    [2],
]

# Institute and Faculty of Actuaries' claims reserving manual: claims, numbers, premiums.
CLAIM_NUMBERS: Triangle = [
    [17500, 5000, 2250, 750],
    [21000, 6200, 2750],
    [18800, 5500],
    [21300],
]
CLAIMS_PAID: Triangle = [[632, 714, 788, 822], [729, 784, 803], [800, 855], [824]]
CLAIMS_SETTLED: Triangle = [[52, 60, 66, 70], [54, 63, 65], [60, 70], [65]]
BF_CLAIMS: Triangle = [
    [2866, 3334, 3503, 3624, 3719, 3717],
    [3359, 3889, 4033, 4231, 4319],
    [3848, 4503, 4779, 4946],
    [4673, 5422, 5676],
    [5369, 6142],
    [5818],
]
BF_PREMIUMS = [4486, 5024, 5680, 6590, 7482, 8502]
BF_LOSS_RATIO = 0.83

SQUARE: Triangle = [[10, 25, 30], [12, 20, 31], [9, 22, 28]]
UNWON: Triangle = [[4, 10, 12], [5, 11], [0]]


@dataclass(frozen=True)
class Case:
    """A triangle of cumulatives with its exposures, by cohort, and the prior rate."""

    triangle: Triangle
    exposure: Sequence[float]
    prior_rate: float | None = None

    @classmethod
    def of(cls, triangle: Triangle, exposure: float = 100, prior: float | None = None) -> Case:
        return cls(triangle, [exposure] * len(triangle), prior)

    def times(self, scale: float) -> Case:
        return Case(
            [[value * scale for value in row] for row in self.triangle],
            [value * scale for value in self.exposure],
            self.prior_rate,
        )

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        return [
            (name, f"FY{2000 + cohort:04d}-Q1", age, value, exposure, self.prior_rate)
            for cohort, (values, exposure) in enumerate(
                zip(self.triangle, self.exposure, strict=True)
            )
            for age, value in enumerate(values)
        ]


def cumulated(triangle: Triangle) -> Triangle:
    return [list(accumulate(row)) for row in triangle]


AVERAGES: Triangle = [
    [paid / number for paid, number in zip(*rows, strict=True)]
    for rows in zip(CLAIMS_PAID, CLAIMS_SETTLED, strict=True)
]

CASES = {
    "x31": Case.of(TAYLOR_ASHE, exposure=1e7, prior=0.5),
    "x31_scaled": Case.of(TAYLOR_ASHE, exposure=1e7, prior=0.5).times(250),
    "x03": Case.of(cumulated(KELLOGG), prior=0.1807),
    "x33": Case.of(cumulated(CLAIM_NUMBERS)),
    "x35_numbers": Case.of(CLAIMS_SETTLED),
    "x35_averages": Case.of(AVERAGES),
    "x36": Case(BF_CLAIMS, BF_PREMIUMS, BF_LOSS_RATIO),
    "square": Case.of(SQUARE, prior=0.4),
    "unwon": Case.of(UNWON, prior=0.2),
}


@pytest.fixture(scope="session")
def developed(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Provide the triangles, developed by the models themselves."""
    warehouse = Warehouse(tmp_path_factory.mktemp("maturation"))
    warehouse.folder.mkdir(parents=True, exist_ok=True)
    with warehouse.connect() as connection:
        connection.execute("create schema intermediate")
        connection.execute(
            "create table intermediate.int_as_of as "
            "select date '2026-08-31' as as_of_date, timestamp '2026-09-01' as known_before"
        )
        connection.execute(
            "create table intermediate.int_maturation__triangles (cell_level varchar, "
            "segment varchar, deal_type varchar, territory varchar, pipeline_source varchar, "
            "custom_dimension varchar, measure varchar, cohort_quarter varchar, "
            "age_quarters integer, cumulative double, exposure double, prior_rate double)"
        )
        connection.executemany(
            "insert into intermediate.int_maturation__triangles "
            "values ('segment', ?, '*', '*', '*', '*', 'bookings', ?, ?, ?, ?, ?)",
            [row for name, case in CASES.items() for row in case.rows(name)],
        )
    warehouse.dbt("run", "--select", "int_maturation__factors+")
    return warehouse


def latest(developed: Warehouse, case: str, column: str) -> list[Any]:
    """Return a column of a case, one value a cohort, oldest cohort first."""
    return [
        value
        for (value,) in developed.query(
            f"select {column} from marts.cohort_maturation "
            f"where segment = '{case}' and is_latest order by cohort_quarter"
        )
    ]


def link_ratios(developed: Warehouse, case: str) -> list[Any]:
    return [
        value
        for (value,) in developed.query(
            "select max(link_ratio) from marts.cohort_maturation "
            f"where segment = '{case}' group by age_quarters order by age_quarters"
        )
    ]


def printed(values: Sequence[float], decimals: int = 0) -> list[float]:
    return [round(value, decimals) for value in values]


def test_the_mart_has_every_cell_of_every_triangle(developed: Warehouse) -> None:
    cells, cohorts, nulls = developed.query(
        "select count(*), sum(is_latest::int), count(segment) - count(*) from marts.cohort_maturation"
    )[0]
    assert cells == sum(len(row) for case in CASES.values() for row in case.triangle)
    assert cohorts == sum(len(case.triangle) for case in CASES.values())
    assert nulls == 0


def test_taylor_ashe_develops_as_published(developed: Warehouse) -> None:
    ratios = link_ratios(developed, "x31")
    assert printed(ratios[:-1], 3) == [
        3.491,
        1.747,
        1.457,
        1.174,
        1.104,
        1.086,
        1.054,
        1.077,
        1.018,
    ]
    assert ratios[-1] is None
    to_date = latest(developed, "x31", "cumulative")
    ultimates = latest(developed, "x31", "ultimate_chain_ladder")
    reserves = [ultimate - won for ultimate, won in zip(ultimates, to_date, strict=True)]
    assert printed(reserves) == [
        0, 94634, 469511, 709638, 984889, 1419459, 2177641, 3920301, 4278972, 4625811
    ]  # fmt: skip
    assert round(sum(reserves)) == 18_680_856
    assert sum(to_date) == 34_358_090
    assert round(sum(ultimates)) == 53_038_946


def test_taylor_ashe_has_mack_s_standard_errors(developed: Warehouse) -> None:
    assert printed(latest(developed, "x31", "mack_std_error")) == [
        0, 75535, 121699, 133549, 261406, 411010, 558317, 875328, 971258, 1363155
    ]  # fmt: skip
    *older, total = latest(developed, "x31", "total_mack_std_error")
    assert round(total) == 2_447_095
    assert older == [None] * 9
    # the cohorts err together: more than if they were independent, less than if they were one
    errors = latest(developed, "x31", "mack_std_error")
    assert sum(error**2 for error in errors) ** 0.5 < total < sum(errors)


def test_dollars_in_another_unit_scale_ultimates_and_errors_alike(developed: Warehouse) -> None:
    for column in (
        "ultimate_chain_ladder",
        "ultimate_bf",
        "ultimate_cape_cod",
        "ultimate_benktander",
        "mack_std_error",
    ):
        scaled = latest(developed, "x31_scaled", column)
        assert scaled == pytest.approx([250 * value for value in latest(developed, "x31", column)])
    total, scaled = (
        latest(developed, case, "total_mack_std_error")[-1] for case in ("x31", "x31_scaled")
    )
    assert scaled == pytest.approx(250 * total)
    assert latest(developed, "x31_scaled", "cape_cod_rate") == pytest.approx(
        latest(developed, "x31", "cape_cod_rate")
    )


def test_kellogg_s_cohorts_mature_as_published(developed: Warehouse) -> None:
    assert printed(link_ratios(developed, "x03")[:-1], 3) == [3.125, 2.522, 1.294, 1.133, 1.067, 1]
    assert latest(developed, "x03", "cumulative") == [18, 20, 20, 14, 20, 20, 16, 16, 12, 14, 4, 2]
    chain_ladder = latest(developed, "x03", "ultimate_chain_ladder")
    assert printed(chain_ladder[-6:], 2) == [16, 17.07, 14.51, 21.90, 15.78, 24.66]
    assert printed(latest(developed, "x03", "ultimate_bf")[-6:], 2) == [
        16, 17.13, 15.12, 20.52, 17.49, 18.60
    ]  # fmt: skip


def test_kellogg_s_column_averages_expect_nearly_what_bornhuetter_ferguson_does(
    developed: Warehouse,
) -> None:
    """Kellogg adds the averages of the columns still to come; Bornhuetter-Ferguson shares out a prior.

    Column averages are another development pattern (the additive method), so that the two agree
    to a few hundredths of a point and not to the digit.
    """
    columns = [[row[age] for row in KELLOGG if len(row) > age] for age in range(len(KELLOGG[0]))]
    averages = [sum(column) / len(column) for column in columns]
    assert printed(averages, 1) == [1.5, 3.1, 7.0, 3.3, 2.0, 1.1, 0.0]
    assert round(sum(averages), 2) == 18.07
    additive = [sum(row) + sum(averages[len(row) :]) for row in KELLOGG]
    assert printed(additive[-6:], 2) == [16, 17.14, 15.14, 20.48, 17.48, 18.57]
    expected = latest(developed, "x03", "ultimate_bf")
    assert expected == pytest.approx(additive, abs=0.05)
    assert expected != pytest.approx(additive, abs=0.02)


def test_kellogg_s_complete_cohorts_are_what_they_have_won(developed: Warehouse) -> None:
    assert latest(developed, "x03", "rate_to_date")[:6] == [0.18, 0.20, 0.20, 0.14, 0.20, 0.20]
    for column in ("ultimate_chain_ladder", "ultimate_bf", "ultimate_cape_cod"):
        assert latest(developed, "x03", column)[:6] == pytest.approx([18, 20, 20, 14, 20, 20])


def test_cape_cod_and_benktander_follow_from_their_definitions(developed: Warehouse) -> None:
    won, exposure, share, prior, rate, cape_cod, benktander = zip(
        *developed.query(
            "select cumulative, exposure, developed_share, prior_rate, cape_cod_rate, "
            "ultimate_cape_cod, ultimate_benktander from marts.cohort_maturation "
            "where segment = 'x03' and is_latest order by cohort_quarter"
        ),
        strict=True,
    )
    by_hand = sum(won) / sum(e * q for e, q in zip(exposure, share, strict=True))
    assert rate == pytest.approx([by_hand] * len(rate))
    assert by_hand == pytest.approx(0.1807, abs=5e-5)
    assert cape_cod == pytest.approx(
        [c + by_hand * e * (1 - q) for c, e, q in zip(won, exposure, share, strict=True)]
    )
    # credibility-weighted: the chain ladder with weight q, Bornhuetter-Ferguson with the rest
    ladder = latest(developed, "x03", "ultimate_chain_ladder")
    expected = latest(developed, "x03", "ultimate_bf")
    assert benktander == pytest.approx(
        [q * a + (1 - q) * b for q, a, b in zip(share, ladder, expected, strict=True)]
    )
    assert set(prior) == {0.1807}


def test_claim_numbers_develop_as_published(developed: Warehouse) -> None:
    assert printed(link_ratios(developed, "x33")[:-1], 4) == [1.2914, 1.1006, 1.0303]
    ultimates = latest(developed, "x33", "ultimate_chain_ladder")
    assert round(sum(ultimates), 1) == 115_105.4
    assert sum(printed(ultimates)) == 115_106  # as printed: cohorts rounded one by one


def test_numbers_times_average_cost_is_what_it_will_cost(developed: Warehouse) -> None:
    """Count times severity, the stable route for dollars: two triangles, multiplied at the end."""
    numbers = latest(developed, "x35_numbers", "ultimate_chain_ladder")
    averages = latest(developed, "x35_averages", "ultimate_chain_ladder")
    assert printed(numbers, 3) == [70, 68.939, 79.071, 85.366]
    # printed from averages that had been rounded to three decimals before, hence the last digit
    assert averages == pytest.approx([11.743, 12.151, 11.988, 11.667], abs=1e-3)
    total = sum(number * average for number, average in zip(numbers, averages, strict=True))
    assert round(total, 1) == 3603.5  # printed as 3,604


def rounded_emergence(triangle: Triangle, priors: Sequence[float]) -> list[float]:
    """What is still to emerge when link ratios and undeveloped shares are rounded to 3 decimals."""
    ratios = []
    for age in range(len(triangle) - 1):
        followed = [row for row in triangle if len(row) > age + 1]
        ratios.append(
            round(sum(row[age + 1] for row in followed) / sum(row[age] for row in followed), 3)
        )
    return [
        prior * round(1 - 1 / prod(ratios[len(row) - 1 :]), 3)
        for row, prior in zip(triangle, priors, strict=True)
    ]


def test_bornhuetter_ferguson_is_exact_where_the_printed_table_is_rounded(
    developed: Warehouse,
) -> None:
    """The published emergences come from link ratios and shares rounded to three decimals.

    Their total, 33,256, is therefore 24 short: a misprint that exact arithmetic does not repeat.
    """
    assert printed(link_ratios(developed, "x36")[:-1], 3) == [1.158, 1.049, 1.039, 1.023, 0.999]
    priors = [premium * BF_LOSS_RATIO for premium in BF_PREMIUMS]
    assert printed(priors) == [3723, 4170, 4714, 5470, 6210, 7057]
    ultimates = latest(developed, "x36", "ultimate_bf")
    to_date = latest(developed, "x36", "cumulative")
    emerging = [ultimate - won for ultimate, won in zip(ultimates, to_date, strict=True)]
    assert printed(emerging, 2) == [0, -2.24, 104.85, 324.69, 642.35, 1592.41]
    assert round(sum(ultimates), 1) == 33_280.1
    as_printed = rounded_emergence(BF_CLAIMS, priors)
    assert printed(as_printed) == [0, -4, 104, 317, 633, 1588]
    assert round(sum(to_date) + sum(as_printed)) == 33_256


def test_a_triangle_that_is_a_square_is_itself(developed: Warehouse) -> None:
    for column in (
        "ultimate_chain_ladder",
        "ultimate_bf",
        "ultimate_cape_cod",
        "ultimate_benktander",
    ):
        assert latest(developed, "square", column) == pytest.approx([row[-1] for row in SQUARE])
    assert latest(developed, "square", "mack_std_error") == [0, 0, 0]
    assert latest(developed, "square", "total_mack_std_error") == [None, None, 0]
    assert latest(developed, "square", "cape_cod_rate") == pytest.approx([89 / 300] * 3)


def test_a_cohort_with_no_wins_yet_has_an_expectation_but_no_chain_ladder(
    developed: Warehouse,
) -> None:
    share = (4 + 5) / (10 + 11) * 10 / 12
    assert latest(developed, "unwon", "developed_share") == pytest.approx([1, 10 / 12, share])
    ladder = latest(developed, "unwon", "ultimate_chain_ladder")
    assert ladder == pytest.approx([12, 13.2, None])
    assert latest(developed, "unwon", "mack_std_error")[-1] is None
    assert latest(developed, "unwon", "ultimate_bf")[-1] == pytest.approx(100 * 0.2 * (1 - share))


def test_shares_rise_with_age(developed: Warehouse) -> None:
    for case in ("x31", "x03", "x33"):
        shares = latest(developed, case, "developed_share")  # oldest cohort first
        assert all(older >= younger for older, younger in pairwise(shares)), case
