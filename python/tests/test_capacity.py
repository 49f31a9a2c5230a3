"""Whom the pipeline can feed and what it costs, from the seeds to the marts, against plain arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiled import CompiledModels, CompiledSql, Lab
from test_coverage import add_months, load_coverage, measured_company
from test_snapshots import state
from test_starting import STARTING

pytestmark = pytest.mark.dbt

SEEDS = ("headcount", "ramp", "ae_policy", "costs", "source_costs", "viability_policy")
QUARTER = date(2024, 1, 1)
CASE = "as_of_date = date '2024-01-01' and segment is null"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def sql(compiled: CompiledModels) -> CompiledSql:
    return compiled({"conversion_trailing_quarters": 9})


def build(lab: Lab, seeds: dict[str, list[Row]], won: int = 40, quarters: int = 1) -> None:
    """Eight quarters of a hundred opportunities of 100, ``won`` of them won; 120 open on 1 January.

    Goals are there for so many ``quarters``, from that one on.
    """
    states = measured_company(won)
    states += [
        state(90000 + 2 * n, "2024-01-01T09:00:00", 2, 100, "2024-03-31") for n in range(120)
    ]
    goals = {add_months(QUARTER, 3 * n): 7200.0 for n in range(quarters)}
    load_coverage(lab, states, goals, as_of=date(2024, 1, 21))
    for name in SEEDS:
        if seeds.get(name):
            lab.table(name, rows=seeds[name])
        else:
            lab.empty(name)
    lab.run(
        "int_opportunities__qualified",
        "pipeline_source_map",
        "segment_rules",
        "int_costs__pipeline_generation",
        "int_costs__per_opportunity",
        "int_costs__quarters",
        "int_headcount__quarters",
        "int_costs__trailing",
        *STARTING[:6],
        "int_capacity__pipeline",
        "capacity",
        "viability",
    )


def months(first: date, number: int) -> list[date]:
    return [add_months(first, n) for n in range(number)]


def published_case(cost_of_opportunity: int = 4000) -> dict[str, list[Row]]:
    """12 AEs who need 15 opportunities each and cost as much as 15 opportunities at 4,000."""
    spent = 100 * cost_of_opportunity
    return {
        "headcount": [{"role": "ae", "segment": "smb", "territory": "emea", "headcount": 12}],
        "ae_policy": [
            {"quarterly_quota": 600, "opportunities_per_ae": 18, "annual_cost": 4 * 60_000}
        ],
        "costs": [
            {
                "fiscal_month": month,
                "category": "pipeline_generation",
                "pipeline_source": "marketing",
                "amount": spent if n % 3 == 1 else 0,
            }
            for n, month in enumerate(months(date(2023, 1, 1), 12))
        ],
    }


@pytest.mark.parametrize(
    ("cost_of_opportunity", "cut"),
    [(4000, 2), (2000, 2), (1000, 1), (8000, 3), (400_000, 4)],
)
def test_pipeline_for_8_and_12_aes(sql: CompiledSql, cost_of_opportunity: int, cut: int) -> None:
    """Kellogg's case; cutting two leaves 10 if what they cost feeds two more.

    At a price p one AE's cost feeds 4,000 / p more, so 4 / (1 + 4,000 / p) have to go, rounded up.
    """
    with sql.lab() as lab:
        build(lab, published_case(cost_of_opportunity))
        found = lab.query(
            "select cell_level, ramped_aes, required_coverage, needed_amount_per_ae, needed_count_per_ae, supported_aes, "
            "gap_aes, gap_count, opportunities_per_ae, cost_per_opportunity, aes_to_cut, aes_after_cut, verdict "
            f"from marts.capacity where {CASE}"
        )
    counted = (1500, 15, 8, -4, 60, 10, cost_of_opportunity)
    assert found == [
        ("company", 12, Decimal("2.500"), *counted, cut, 12 - cut, "too_little_pipeline")
    ]


def test_a_quarter_that_has_not_begun_is_judged_by_what_it_will_start_with(
    sql: CompiledSql,
) -> None:
    with sql.lab() as lab:
        build(lab, published_case(), quarters=2)
        running = lab.query(
            "select pipeline_basis, pipeline_amount = open_amount, count(*) > 0 from marts.capacity "
            "where horizon = 0 group by all"
        )
        found = lab.query(
            "select fiscal_quarter_start, open_amount::double, pipeline_basis, pipeline_amount::double, "
            "supported_aes, needed_amount_per_ae, verdict from marts.capacity "
            "where horizon > 0 and segment is null order by 1"
        )
        expected = lab.query(
            "select close_quarter_start, forecast_amount::double from intermediate.int_starting__forecasts "
            "where snapshot_day = date '2024-01-21' and cell_level = 'company' order by 1"
        )
    assert running == [("open", True, True)]
    assert [(row[0], row[3]) for row in found] == expected
    # A hundred are created every quarter and nothing is dated further out than that.
    assert [row[1:3] for row in found] == [(0, "forecast"), (0, "forecast")]
    *_, amount, supported, needed, verdict = found[0]
    assert (needed, verdict) == (1500, "too_little_expected")
    assert supported == pytest.approx(amount / needed)
    # of the quarter without a goal nobody knows what is required
    assert found[1][-1] == "unknown"


def test_without_quotas_the_goal_is_shared_by_the_aes(sql: CompiledSql) -> None:
    seeds = published_case() | {"ae_policy": []}
    with sql.lab() as lab:
        build(lab, seeds)
        found = lab.query(
            "select quota_basis, quota_amount::double, supported_aes, workable_count, aes_to_cut, verdict "
            f"from marts.capacity where {CASE}"
        )
    assert found == [("goal", 7200, 8, None, None, "too_little_pipeline")]


def test_without_any_of_the_seeds_nothing_is_claimed(sql: CompiledSql) -> None:
    with sql.lab() as lab:
        build(lab, {})
        for mart in ("capacity", "viability"):
            assert lab.query(f"select distinct verdict from marts.{mart}") == [("unknown",)]
            assert lab.query(f"select count(*) > 3 from marts.{mart}") == [(True,)]
        assert lab.query(
            "select count(ramped_aes), count(supported_aes), count(gap_amount), count(is_short), count(cost_per_opportunity) "
            "from marts.capacity"
        ) == [(0, 0, 0, 0, 0)]
        assert lab.query(
            "select count(cac_ratio), count(required_cac_ratio), count(pipegen_cost), count(sales_cost), "
            "count(new_arr_per_ae), max(cost_quarter_count) from marts.viability where fiscal_quarter > 'FY2022-Q1'"
        ) == [(0, 0, 0, 0, 0, 0)]
        # what is measured without finance stands all the same
        assert lab.query(
            f"select open_count, required_coverage::double from marts.capacity where {CASE}"
        ) == [(120, 2.5)]
        assert lab.query(
            "select count(*) > 17, count(cost_per_opportunity) from intermediate.int_costs__per_opportunity "
            "where cost_basis = 'unknown'"
        ) == [(True, 0)]


@pytest.mark.parametrize(
    ("won", "rate", "verdict", "per_dollar"),
    [
        (20, "5.000", "not_viable", 0.375),  # Kellogg's guard rails: 20 % and 5 times
        (21, "4.762", "viable", 0.357143),
        (25, "4.000", "viable", 0.300),
        (34, "2.941", "viable", 0.220588),
    ],
)
def test_a_plan_is_as_affordable_as_its_conversion(
    sql: CompiledSql, won: int, rate: str, verdict: str, per_dollar: float
) -> None:
    """What an opportunity of 60,000 at 4,500 costs a dollar of new ARR, here of 100 at 7.50."""
    costs = [
        {
            "fiscal_month": month,
            "category": category,
            "pipeline_source": "marketing" if category == "pipeline_generation" else None,
            "amount": amount,
        }
        for month in months(date(2023, 1, 1), 12)
        for category, amount in (("pipeline_generation", 250), ("sales", 500))
    ]
    rails = [{"min_conversion": 0.20, "max_coverage": 5, "cac_ceiling": 1.20}]
    with sql.lab() as lab:
        build(lab, {"costs": costs, "viability_policy": rails}, won)
        ((found, cost, amount, required, spent, cac, required_cac, said),) = lab.query(
            "select required_coverage, cost_per_opportunity, amount_per_opportunity, required_cost_per_new_arr, "
            "pipegen_cost_per_new_arr, cac_ratio, required_cac_ratio, verdict "
            f"from marts.viability where {CASE}"
        )
    assert f"{found:.3f}" == rate
    assert (cost, amount) == (7.5, 100)
    # all that is won was open in week 3, so both ways of counting agree
    assert required == pytest.approx(per_dollar, abs=5e-7)
    assert spent == pytest.approx(required)
    selling = 4 * 1500 / (4 * won * 100)
    assert cac == pytest.approx(required + selling)
    assert required_cac == pytest.approx(required + selling)
    assert said == verdict


# Whoever was hired at any time, with parts of people, in segments with and without a ramp of their own.
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["ae", "ae", "sdr"]),
            "segment": st.sampled_from([None, "smb", "enterprise"]),
            "territory": st.sampled_from([None, "emea", "apac"]),
            "headcount": st.sampled_from([Decimal(1), Decimal(3), Decimal("0.5")]),
            "hired_on": st.one_of(st.none(), st.dates(date(2023, 3, 1), date(2024, 9, 30))),
            "stays": st.one_of(st.none(), st.integers(1, 400)),
        }
    ),
    max_size=6,
)
RAMP = {
    ("ae", "smb"): {0: Fraction(0), 2: Fraction(1, 2), 5: Fraction(1)},
    ("ae", None): {1: Fraction(1, 4), 4: Fraction(1)},
}
QUOTA = {"smb": 90, None: 150}


def ramped(row: Row, month: date) -> Fraction:
    """Part of a ramped person that somebody is in a month; before the first row of a ramp a whole one."""
    heads = Fraction(row["headcount"])
    if row["hired_on"] is None:
        return heads
    tenure = (month.year - row["hired_on"].year) * 12 + month.month - row["hired_on"].month
    for segment in (row["segment"], None):
        steps = RAMP.get((row["role"], segment), {})
        passed = [productivity for start, productivity in steps.items() if start <= tenure]
        if passed:
            return heads * passed[-1]
    return heads


def headcount_by_hand(people: Sequence[Row]) -> dict[tuple[date, str, str], list[Fraction]]:
    """AEs, ramped AEs, SDRs and quota by quarter, segment and territory, ``*`` for all."""
    found: dict[tuple[date, str, str], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 4)
    for month in months(QUARTER, 9):
        quarter = add_months(QUARTER, 3 * ((month.month - 1) // 3))
        for row in people:
            if row["hired_on"] and month < row["hired_on"]:
                continue
            if row["left_on"] and month >= row["left_on"]:
                continue
            able = ramped(row, month)
            quota = able * QUOTA.get(row["segment"], QUOTA[None]) / 3
            mine = (
                [Fraction(row["headcount"]) / 3, able / 3, Fraction(0), quota]
                if row["role"] == "ae"
                else [Fraction(0), Fraction(0), Fraction(row["headcount"]) / 3, Fraction(0)]
            )
            keys = [("*", "*")]
            if row["segment"]:
                keys.append((row["segment"], "*"))
                if row["territory"]:
                    keys.append((row["segment"], row["territory"]))
            for key in keys:
                at = (quarter, *key)
                found[at] = [a + b for a, b in zip(found[at], mine, strict=True)]
    return found


@settings(max_examples=40, deadline=None)
@given(drawn=PEOPLE)
def test_people_are_counted_as_by_hand(sql: CompiledSql, drawn: list[Row]) -> None:
    people = [{key: value for key, value in row.items() if key != "stays"} for row in drawn]
    for row, source in zip(people, drawn, strict=True):
        start = row["hired_on"] or date(2024, 1, 1)
        stays = source["stays"]
        row["left_on"] = date.fromordinal(start.toordinal() + stays) if stays else None
    with sql.lab() as lab:
        lab.run("int_calendar")
        lab.table(
            "int_coverage__quarters",
            rows=[{"close_quarter_start": add_months(QUARTER, 3 * n)} for n in (0, 1, 2, 1)],
        )
        if people:
            lab.table("headcount", rows=people)
        else:
            lab.empty("headcount")
        lab.table(
            "ramp",
            rows=[
                {"role": role, "segment": segment, "from_month": month, "productivity": float(part)}
                for (role, segment), steps in RAMP.items()
                for month, part in steps.items()
            ],
        )
        lab.table(
            "ae_policy",
            rows=[
                {"segment": segment, "quarterly_quota": quota} for segment, quota in QUOTA.items()
            ],
        )
        lab.run("int_headcount__quarters")
        rows = lab.query(
            "select fiscal_quarter_start, segment, territory, ae_count, ramped_aes, sdr_count, coalesce(quota, 0) "
            "from intermediate.int_headcount__quarters"
        )
    expected = headcount_by_hand(people)
    assert {row[:3] for row in rows} == set(expected)
    for row in rows:
        assert row[3:] == pytest.approx([float(value) for value in expected[row[:3]]], abs=1e-5)


BOOKED = st.lists(
    st.tuples(
        st.sampled_from(["marketing", "plg", "community"]),
        st.sampled_from([None, "smb", "enterprise"]),
        st.integers(0, 5),
        st.integers(0, 10_000),
    ),
    max_size=40,
    unique_by=lambda row: row[:3],
)
CREATED = st.lists(
    st.tuples(
        st.sampled_from(["marketing", "plg"]),
        st.sampled_from(["smb", "enterprise"]),
        st.dates(date(2023, 7, 1), date(2023, 12, 31)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(booked=BOOKED, created=CREATED)
def test_no_money_is_lost_or_spent_twice(
    sql: CompiledSql,
    booked: list[tuple[str, str | None, int, int]],
    created: list[tuple[str, str, date]],
) -> None:
    """A source with all three months in the books has spent what they say, whoever it is given to."""
    first = date(2023, 7, 1)
    complete = defaultdict(set)
    for source, _, month, _ in booked:
        complete[source, month // 3].add(month)
    spent: dict[tuple[str, date], int] = defaultdict(int)
    for source, _, month, amount in booked:
        if len(complete[source, month // 3]) == 3:
            spent[source, add_months(first, month // 3 * 3)] += amount
    with sql.lab() as lab:
        lab.run("int_calendar")
        lab.empty("source_costs", "int_opportunities__qualified", "int_opportunities__attributed")
        lab.empty("costs")
        if created:
            lab.table(
                "int_opportunities__qualified",
                rows=[
                    {"opportunity_key": n, "qualified_at": day, "created_amount": 1}
                    for n, (_, _, day) in enumerate(created)
                ],
            )
            lab.table(
                "int_opportunities__attributed",
                rows=[
                    {"opportunity_key": n, "pipeline_source": source, "segment": segment}
                    for n, (source, segment, _) in enumerate(created)
                ],
            )
        if booked:
            lab.table(
                "costs",
                rows=[
                    {
                        "fiscal_month": add_months(first, month),
                        "category": "pipeline_generation",
                        "pipeline_source": source,
                        "segment": segment,
                        "amount": amount,
                    }
                    for source, segment, month, amount in booked
                ],
            )
        lab.run("int_costs__pipeline_generation")
        found = lab.query(
            "select pipeline_source, fiscal_quarter_start, sum(spending) from intermediate.int_costs__pipeline_generation "
            "where spending is not null group by all"
        )
        counted = lab.query(
            "select coalesce(sum(created_count), 0) from intermediate.int_costs__pipeline_generation"
        )
    assert {row[:2]: row[2] for row in found} == pytest.approx(spent)
    assert counted == [(len(created),)]
