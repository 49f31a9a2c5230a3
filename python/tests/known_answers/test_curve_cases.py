"""Published curves and rates, reproduced by the project's SQL from the published data.

The numbers of the cases (X-..) are those of the list of worked examples. A printed figure that was
rounded on the way is asserted twice: the exact value, and that rounding gives what was printed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compiled import CompiledModels, Lab
from spell_lab import (
    ADVANCED,
    ALWAYS,
    DERAILED,
    LOST,
    OPEN,
    Spell,
    Window,
    aged,
    curves,
    measure,
)

pytestmark = pytest.mark.dbt

COMPANY = "cell_level = 'company'"


@pytest.fixture
def lab(compiled: CompiledModels) -> Iterator[Lab]:
    with compiled().lab() as lab:
        yield lab


def incidence(lab: Lab) -> dict[int, float]:
    """Cumulative incidence of advancing, by age."""
    return dict(curves(lab, ["age_days", "cumulative_incidence"], COMPANY))


def still_open(lab: Lab) -> dict[int, float]:
    """Share that has neither advanced nor been closed, after what happened at each age."""
    left = "1 - cumulative_incidence - cumulative_lost - cumulative_derailed"
    return dict(curves(lab, ["age_days", left], COMPANY))


def rates(lab: Lab, *columns: str, window: str = "all_time") -> tuple[float, ...]:
    """Columns of the company's row of int_estimates__rates."""
    return lab.query(
        f"select {', '.join(columns)} from intermediate.int_estimates__rates "
        f"where {COMPANY} and estimation_window = '{window}'"
    )[0]


# --- Satagopan et al., Br J Cancer 91 (2004) 1229, table 2 -----------------------------------
SATAGOPAN = [
    *aged(
        [7, 10, 14, 16, 18, 23, 24, 26, 27],
        [OPEN, ADVANCED, OPEN, ADVANCED, LOST, ADVANCED, OPEN, LOST, ADVANCED],
    ),
    *aged([40] * 296, [OPEN] * 296),
]


def test_satagopan_s_incidences_by_competing_risks(lab: Lab) -> None:
    measure(lab, SATAGOPAN)
    by_age = incidence(lab)
    at_the_events = [by_age[age] for age in (10, 16, 23, 27)]
    assert at_the_events == pytest.approx(
        [0.003289474, 0.00658983, 0.00989020, 0.01320166], abs=5e-8
    )
    assert [round(100 * value, 1) for value in at_the_events[:3]] == [0.3, 0.7, 1.0]


def test_satagopan_s_last_printed_incidence_is_a_sum_of_rounded_steps(lab: Lab) -> None:
    """The table says 0.3, 0.6, 0.9, 1.2 %; the last is 1.3 % before rounding."""
    measure(lab, SATAGOPAN)
    steps = [
        round(100 * step, 1)
        for (step,) in curves(lab, ["incidence"], f"{COMPANY} and advanced_count > 0")
    ]
    printed = [round(sum(steps[: n + 1]), 1) for n in range(len(steps))]
    assert printed == [0.3, 0.6, 0.9, 1.2]
    assert round(100 * incidence(lab)[27], 1) == 1.3


def test_satagopan_s_survival_as_printed(lab: Lab) -> None:
    measure(lab, SATAGOPAN)
    left = still_open(lab)
    printed = [round(100 * left[age], 1) for age in (10, 16, 18, 23, 26, 27)]
    assert printed == [99.7, 99.3, 99.0, 98.7, 98.3, 98.0]


# --- cases that Aalen-Johansen implementations are tested on ----------------------------------
def test_four_ends_of_which_two_are_wins(lab: Lab) -> None:
    measure(lab, aged([5, 6, 10, 20], [LOST, LOST, ADVANCED, ADVANCED]))
    assert incidence(lab) == pytest.approx({0: 0, 5: 0, 6: 0, 10: 0.25, 20: 0.5})
    assert rates(lab, "rate", "median_days") == pytest.approx((0.5, 10))


def test_losses_treated_as_out_of_sight_double_the_rate(lab: Lab) -> None:
    """The same four by 1 - Kaplan-Meier: the share won in a world without losses."""
    measure(lab, aged([5, 6, 10, 20], [OPEN, OPEN, ADVANCED, ADVANCED]))
    assert incidence(lab)[10] == pytest.approx(0.5)
    assert rates(lab, "rate", "median_days_in_stage") == pytest.approx((1, 10))


def test_an_open_spell_between_two_wins(lab: Lab) -> None:
    measure(lab, aged([1, 2, 3, 4], [LOST, ADVANCED, OPEN, ADVANCED]))
    by_age = incidence(lab)
    assert (by_age[2], by_age[3], by_age[4]) == pytest.approx((0.25, 0.25, 0.75))


def test_an_end_and_an_open_spell_at_the_same_age(lab: Lab) -> None:
    """Who is last seen on the day somebody wins was at risk on that day."""
    measure(lab, aged([1, 1, 2], [ADVANCED, OPEN, ADVANCED]))
    assert incidence(lab)[1] == pytest.approx(1 / 3)


# --- remission of the 6-MP arm, Freireich et al., Blood 21 (1963) 699 -----------------------
REMISSION_ENDED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
STILL_IN_REMISSION = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]


@pytest.mark.parametrize("cause", [ADVANCED, LOST, DERAILED])
def test_the_6_mp_arm_s_survival_whatever_ends_it(lab: Lab, cause: int) -> None:
    """The curve of all exits is Kaplan-Meier's, and its median is the median time in stage."""
    ages = REMISSION_ENDED + STILL_IN_REMISSION
    measure(lab, aged(ages, [cause] * 9 + [OPEN] * 12))
    left = still_open(lab)
    printed = [round(left[age], 3) for age in (6, 7, 10, 13, 16, 22, 23)]
    assert printed == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert rates(lab, "median_days_in_stage") == (23,)


def test_the_6_mp_arm_s_median_is_of_all_exits_together(lab: Lab) -> None:
    causes = [ADVANCED, LOST, DERAILED] * 3 + [OPEN] * 12
    measure(lab, aged(REMISSION_ENDED + STILL_IN_REMISSION, causes))
    assert still_open(lab)[23] == pytest.approx(0.448, abs=5e-4)
    assert rates(lab, "median_days_in_stage") == (23,)


# --- Kellogg, Target Pipeline Coverage is Not the Inverse of Win Rate (2024) ----------------
QUARTER = Window("lookback", 0, 91)
THIRDS = [
    *[Spell(-20, 40, ADVANCED)] * 4,
    *[Spell(-10, 60, LOST)] * 4,
    *[Spell(-30, 200, LOST)] * 4,
]
"""Twelve deals open at the start of a quarter: a third is won in it, a third lost, a third slips."""
DERAILING = [*THIRDS, *[Spell(-25, 50, DERAILED)] * 3]
"""Twenty in a hundred derail, and the others come in thirds."""


def shares_of_the_snapshot(lab: Lab) -> tuple[float, ...]:
    """Won, lost, slipped in the quarter, of what was open on its first day."""
    n, won, lost, slipped = rates(lab, "n", "n_advanced", "n_lost", "n_open", window=QUARTER.name)
    return won / n, lost / n, slipped / n


def test_thirds_give_three_rates_with_three_names(lab: Lab) -> None:
    measure(lab, THIRDS, [QUARTER])
    won, _, slipped = shares_of_the_snapshot(lab)
    period, won_count, lost_count = rates(
        lab, "rate_period", "n_advanced", "n_lost", window=QUARTER.name
    )
    assert won_count / (won_count + lost_count) == pytest.approx(0.50)  # narrow
    assert period == pytest.approx(0.50)
    assert won == pytest.approx(1 / 3)  # broad: of everything that was there
    assert slipped == pytest.approx(1 / 3)


def test_derailing_deals_leave_the_narrow_rate_and_lower_the_others(lab: Lab) -> None:
    measure(lab, DERAILING, [QUARTER])
    assert shares_of_the_snapshot(lab) == pytest.approx((4 / 15, 4 / 15, 4 / 15))
    assert [round(100 * share) for share in shares_of_the_snapshot(lab)] == [27, 27, 27]
    period, won, lost = rates(lab, "rate_period", "n_advanced", "n_lost", window=QUARTER.name)
    assert won / (won + lost) == pytest.approx(0.50)
    # Won of everything that was closed: what derailed was closed too.
    assert period == pytest.approx(4 / 11)


# --- Your 25 % win rate is lying to you, millergrowth.co (2025) -----------------------------
def test_a_quarter_of_the_closed_is_a_tenth_of_a_pipeline_that_pushes(lab: Lab) -> None:
    """$1m of pipeline, 60 % pushed out of the quarter, 25 % of the rest won: $100k, not $250k."""
    pipeline = [
        *[Spell(-30, 50, ADVANCED)] * 10,
        *[Spell(-30, 50, LOST)] * 30,
        *[Spell(-30, 120, ADVANCED)] * 60,  # whatever becomes of them after the quarter
    ]
    measure(lab, pipeline, [QUARTER, ALWAYS])
    in_quarter, period = rates(lab, "rate", "rate_period", window=QUARTER.name)
    assert period == pytest.approx(0.25)
    assert in_quarter == pytest.approx(0.10)
    assert 1_000_000 * in_quarter == pytest.approx(100_000)
    assert rates(lab, "rate") == pytest.approx((0.70,))
