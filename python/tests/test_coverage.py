"""Where bookings come from, deal by deal, against a plain reading of the history; and coverage over time."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from scipy.stats import binom

from compiled import ROOT, CompiledModels, CompiledSql, Lab
from pipeline_lab import (
    LOST,
    QUALIFYING,
    REAL_QUARTERS,
    WON,
    State,
    booked_on,
    is_open,
    is_real,
    known_by,
    load,
    quarter_start,
)
from test_snapshots import AS_OF, EVERYTHING, cells_of, histories, state

pytestmark = pytest.mark.dbt

SNAPSHOT_DAY = {"quarter": 21, "month": 3}
VARIABLES = {
    "real_pipeline_quarters": REAL_QUARTERS,
    "conversion_periods": ["quarter", "month"],
    "big_deal_share": 0.5,
    "big_deal_times_mean": 2,
}


@pytest.fixture(scope="module")
def sql(compiled: CompiledModels) -> CompiledSql:
    return compiled(VARIABLES)


ONE_TIME_EVENTS: list[dict[str, object]] = [{"opportunity_id": "opp3"}]


def load_deals(
    lab: Lab,
    states: list[State],
    as_of: date = AS_OF,
    events: list[dict[str, object]] = ONE_TIME_EVENTS,
) -> None:
    """Snapshots, and the deals behind week-3 conversion."""
    load(lab, states, cells_of(states), as_of)
    lab.table(
        "crm_opportunities",
        rows=[
            {"opportunity_key": key, "opportunity_id": f"opp{key}", "crm": "salesforce"}
            for key in {s.opportunity for s in states}
        ],
    )
    lab.table("one_time_events", rows=events)
    lab.run("int_coverage__past_periods", "int_coverage__period_deals")


def add_months(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 + months
    return date(month // 12, month % 12 + 1, 1)


def past_periods(first: date, as_of: date) -> list[tuple[str, date, date]]:
    """Kind, first day and the day after the last of every period that is over."""
    found = []
    for kind, length in (("quarter", 3), ("month", 1)):
        start = quarter_start(first)
        while add_months(start, length) <= as_of + timedelta(1):
            found.append((kind, start, add_months(start, length)))
            start = add_months(start, length)
    return found


def expected_deals(
    states: list[State], as_of: date
) -> dict[tuple[str, date, int], tuple[object, ...]]:
    """Raw and real amount, fate, booked amount, origin and exclusion of every deal in every period."""
    now = known_by(states, as_of)
    qualified = {
        key: min(s.at.date() for s in history if QUALIFYING <= s.stage <= WON)
        for key, history in now.items()
        if any(QUALIFYING <= s.stage <= WON for s in history)
    }
    found: dict[tuple[str, date, int], tuple[object, ...]] = {}
    for kind, start, end in past_periods(min(qualified.values(), default=as_of), as_of):
        day = start + timedelta(SNAPSHOT_DAY[kind] - 1)
        then, ended = known_by(states, day), known_by(states, end - timedelta(1))
        deals: dict[int, list[object]] = {}
        for key, history in now.items():
            was = then[key][-1] if key in then else None
            raw = bool(
                was and is_open(was.stage) and was.close_date and start <= was.close_date < end
            )
            real = raw and is_real(was, day)
            booked = history[-1].stage == WON and start <= booked_on(history) < end
            if not raw and not booked:
                continue
            amount = history[-1].amount or Decimal(0)
            pipeline = was.amount or Decimal(0) if raw else Decimal(0)
            last = ended[key][-1].stage if key in ended else 0
            fate = None
            if real:
                fate = (
                    "won"
                    if booked
                    else "lost"
                    if last == LOST
                    else "derailed"
                    if last > LOST
                    else "slipped"
                )
            origin = None
            if booked:
                recorded = next(
                    s.at.date()
                    for before, s in reversed(list(zip([None, *history], history, strict=False)))
                    if before is None or before.stage != WON
                )
                origin = (
                    "before_snapshot"
                    if recorded <= day
                    else "from_snapshot"
                    if real
                    else "created_and_closed"
                    if qualified[key] > day
                    else "reopened"
                    if was.stage >= WON
                    else "pulled_in"
                    if is_open(was.stage) and was.close_date and was.close_date >= end
                    else "not_real_then"
                )
            deals[key] = [
                pipeline,
                pipeline if real else Decimal(0),
                fate,
                amount if booked else Decimal(0),
                origin,
            ]
        bookings = sum(deal[3] for deal in deals.values())
        wins = {key: deal[3] for key, deal in deals.items() if deal[3]}
        for key, deal in deals.items():
            others = [amount for other, amount in wins.items() if other != key]
            is_outlier = bool(others) and deal[3] >= 2 * Fraction(sum(others)) / len(others)
            big = deal[3] > bookings * Decimal("0.5") and is_outlier
            exclusion = "one_time_event" if key == 3 else "big_deal" if big else None
            found[kind, start, key] = (*deal, exclusion)
    return found


@settings(max_examples=100, deadline=None)
@example(states=EVERYTHING)
@given(states=histories())
def test_every_booking_comes_from_where_the_history_says(
    sql: CompiledSql, states: list[State]
) -> None:
    with sql.lab() as lab:
        load_deals(lab, states)
        rows = lab.query(
            "select period_kind, period_start, opportunity_key, pipeline_amount_raw, pipeline_amount, fate, "
            "booked_amount, origin, exclusion from intermediate.int_coverage__period_deals"
        )
    assert {row[:3]: row[3:] for row in rows} == expected_deals(states, AS_OF)


def quarters_of(won: list[int], lost: list[int], quarters: int = 8) -> list[State]:
    """Quarters with deals of these amounts dated to them in week 3, won or lost on their last day."""
    states = []
    for quarter in range(quarters):
        start = add_months(date(2022, 1, 1), 3 * quarter)
        close = add_months(start, 3) - timedelta(1)
        deals = [(amount, WON) for amount in won] + [(amount, LOST) for amount in lost]
        for deal, (amount, ending) in enumerate(deals):
            key = 2 * (quarter * len(deals) + deal) + 2
            opened, closed = f"{start}T09:00:00", f"{close}T09:00:00"
            states.append(state(key, opened, 2, amount, str(close)))
            states.append(state(key, closed, ending, amount, str(close), sequence=1))
    return states


@pytest.mark.parametrize(
    ("won", "lost", "conversion", "unadjusted"),
    [
        # each of few equal wins is a large share of the bookings, and none is unusual
        ([50_000] * 4, [50_000] * 6, 0.4, 0.4),
        ([100_000] * 3 + [50_000] * 2, [80_000] * 5, 0.5, 0.5),
        ([50_000], [50_000] * 3, 0.25, 0.25),
        # nothing to hold it against: a win without an amount says nothing of what is usual
        ([50_000, 0], [50_000] * 3, 0.25, 0.25),
        # three times the mean of the others, and one short of it
        ([150_000] + [50_000] * 3, [150_000], 0.5, 0.6666667),
        ([149_999] + [50_000] * 3, [200_001], 0.5999980, 0.5999980),
        # three times the mean of thirteen others, and no large share of the bookings
        ([150_000] + [50_000] * 13, [200_000], 0.8, 0.8),
    ],
)
def test_a_big_deal_is_large_among_the_others_too(
    compiled: CompiledModels,
    won: list[int],
    lost: list[int],
    conversion: float,
    unadjusted: float,
) -> None:
    with compiled({}).lab() as lab:
        load_deals(lab, quarters_of(won, lost), as_of=date(2024, 1, 21), events=[])
        lab.seed("cell_levels")
        lab.run("week3_conversion")
        found = lab.query(
            "select conversion, conversion_unadjusted, required_coverage from marts.week3_conversion "
            "where cell_level = 'company'"
        )
    assert len(found) == 8
    for row in found:
        assert row == pytest.approx((conversion, unadjusted, 1 / conversion), rel=1e-6)


def test_a_one_time_event_is_of_one_crm_or_of_any(sql: CompiledSql) -> None:
    """An id names one opportunity within a CRM only; a row that names no CRM means them all."""
    events: list[dict[str, object]] = [
        {"crm": "salesforce", "opportunity_id": "opp2"},
        {"crm": "hubspot", "opportunity_id": "opp4"},
        {"crm": None, "opportunity_id": "opp6"},
        {"crm": "salesforce", "opportunity_id": "opp8"},
        {"crm": None, "opportunity_id": "opp8"},
    ]
    with sql.lab() as lab:
        load_deals(lab, quarters_of([], [100] * 4, quarters=1), events=events)
        rows = lab.query(
            "select opportunity_key, exclusion from intermediate.int_coverage__period_deals "
            "where period_kind = 'quarter' order by opportunity_key"
        )
    event = "one_time_event"
    assert rows == [(2, event), (4, None), (6, event), (8, event)]


# A policy to be had from outside: GitLab's thresholds for coverage on day 5 of this quarter and the next
# two, and for what stands at stage 3 or later.
THRESHOLDS = {0: 2.4, 1: 2.2, 2: 1.0}
LATE_THRESHOLDS = {0: 1.5, 1: 0.8}
GOAL = 1000
DAY_5 = date(2024, 7, 5)


@pytest.fixture(scope="module")
def day_5(compiled: CompiledModels) -> CompiledSql:
    return compiled({"week3_day": 5, "plan_dimensions": ["segment", "deal_type", "territory"]})


def load_coverage(lab: Lab, states: list[State], goals: dict[date, float], as_of: date) -> None:
    """Everything up to the mart, for a company with one goal a month, approved at the start."""
    load_deals(lab, states, as_of)
    lab.seed("cell_levels")
    lab.table(
        "coverage_policy",
        rows=[{"horizon": h, "required_coverage": c} for h, c in THRESHOLDS.items()],
    )
    lab.table(
        "bookings_goals",
        rows=[
            {
                "fiscal_month": month,
                "segment": "smb",
                "deal_type": "new_business",
                "territory": "emea",
                "bookings_goal": goal,
                "version": "v1",
            }
            for month, goal in goals.items()
        ],
    )
    lab.empty("int_estimates__rates")
    lab.run(
        "week3_conversion",
        "int_coverage__quarters",
        "int_goals__spans",
        "int_coverage__goals",
        "int_coverage__facts",
        "int_coverage__levels",
        "pipeline_coverage",
    )


def company(lab: Lab, columns: str, condition: str = "is_latest") -> list[tuple[object, ...]]:
    return lab.query(
        f"select {columns} from marts.pipeline_coverage where cell_level = 'company' and {condition} "
        "order by as_of_date, horizon"
    )


def test_a_published_policy_holds_until_conversion_is_measured(day_5: CompiledSql) -> None:
    """X-44: 2.4, 2.2 and 1.0 times on day 5; of stage 3 and later 1.5 and 0.8."""
    states = [
        # this quarter exactly enough, the next 200 short, the one after it without any pipeline
        state(2, "2024-06-01", 2, 900, "2024-08-15"),
        state(4, "2024-06-01", 3, 1500, "2024-09-30"),
        state(6, "2024-06-01", 2, 1300, "2024-11-15"),
        state(8, "2024-06-01", 4, 700, "2024-12-31"),
        # made after the day: not known then
        state(10, "2024-07-06", 4, 5000, "2024-12-31"),
    ]
    goals = {date(2024, 7, 1): GOAL, date(2024, 10, 1): GOAL, date(2025, 1, 1): GOAL}
    with day_5.lab() as lab:
        load_coverage(lab, states, goals, as_of=date(2024, 7, 31))
        found = company(
            lab,
            "horizon, coverage_ratio, required_coverage::double, required_coverage_basis, gap_amount::double",
            "is_week3_day and as_of_date = date '2024-07-05'",
        )
        late = lab.query(
            "select close_quarter_start, (sum(open_amount_real) / 1000)::double from intermediate.int_snapshots__pipeline "
            "where snapshot_day = date '2024-07-05' and stage_number between 3 and 89 group by 1 order by 1"
        )
    assert found == [
        (0, 2.4, 2.4, "policy", 0),
        (1, 2.0, 2.2, "policy", 200),
        (2, 0.0, 1.0, "policy", 1000),
    ]
    assert [ratio - LATE_THRESHOLDS[h] for h, (_, ratio) in enumerate(late)] == pytest.approx(
        [0, -0.1]
    )


def test_coverage_of_a_year_hides_an_empty_quarter(day_5: CompiledSql) -> None:
    """X-19: 32 million for 10 million of goals are 3.2 times, and nothing is dated to the next quarter."""
    states = [
        state(2, "2024-06-01", 2, 8e6, "2024-08-15"),
        state(4, "2024-06-01", 2, 24e6, "2025-03-31"),
    ]
    goals = {date(2024, 7, 1): 2.5e6, date(2024, 10, 1): 3.5e6, date(2025, 1, 1): 4e6}
    with day_5.lab() as lab:
        load_coverage(lab, states, goals, as_of=DAY_5)
        found = company(
            lab, "open_amount_real::double, bookings_goal::double, coverage_ratio, p_attain"
        )
    assert sum(row[0] for row in found) / sum(row[1] for row in found) == 3.2
    assert [row[2] for row in found] == [3.2, 0.0, 6.0]
    # Of quarters to come the open deals alone are no chance; bookings_outlook has it.
    assert [row[3] is None for row in found] == [False, True, True]


def measured_company(won: int, quarters: int = 8) -> list[State]:
    """Quarters with 100 deals of 100 dated to them in week 3, of which ``won`` are won at their amount."""
    return quarters_of([100] * won, [100] * (100 - won), quarters)


@pytest.mark.parametrize(
    ("deals", "goal", "required", "attainment"),
    [
        (24, 1000, "2.941", 0.816),  # 2.4 times at 34 % reach 82 % of plan,
        (31, 1000, "2.941", 1.054),  # 3.1 times 105 %, not 109 %: that would take 35 %
    ],
)
def test_attainment_is_coverage_times_conversion(
    compiled: CompiledModels, deals: int, goal: float, required: str, attainment: float
) -> None:
    sql = compiled({"conversion_trailing_quarters": 9})
    states = measured_company(34)
    states += [
        state(90000 + 2 * n, "2024-01-02T09:00:00", 2, 100, "2024-03-31") for n in range(deals)
    ]
    with sql.lab() as lab:
        load_coverage(lab, states, {date(2024, 1, 1): goal}, as_of=date(2024, 1, 21))
        ((coverage, enough, basis, conversion, p_attain),) = lab.query(
            "select coverage_ratio, coverage.required_coverage::text, required_coverage_basis, trailing_conversion, p_attain "
            "from marts.pipeline_coverage as coverage inner join marts.week3_conversion as conversion "
            "on conversion.fiscal_quarter = 'FY2023-Q4' and conversion.cell_level = 'company' "
            "where coverage.is_latest and horizon = 0 and coverage.cell_level = 'company'"
        )
    assert (enough, basis) == (required, "company")
    assert coverage * conversion == pytest.approx(attainment, abs=0.0005)
    # of so many equal deals ten have to be won
    assert p_attain == pytest.approx(binom.sf(9, deals, 0.34), abs=0.01)


def test_the_sentence_of_a_quarter_blames_nobody() -> None:
    """It states what was and what is usual; it names no team and judges none."""
    code = (ROOT / "models" / "marts" / "coverage" / "gtm_diagnosis.sql").read_text()
    sentence = code[code.index("' of the bookings goal.") : code.index("as statement")].lower()
    for word in ("blame", "fault", "fail", "miss", "poor", "only", "should", "marketing", "sales"):
        assert word not in sentence
