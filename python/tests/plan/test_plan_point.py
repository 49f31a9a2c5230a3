"""Examples that others have worked and published.

X-01 Kellogg, Why Every Startup Needs an Inverted Demand Generation Funnel, part I
X-04 pulserevops.com, The Top-of-Funnel Math Reboot
X-05 Pipeline Math, a reference to Predictable Revenue
X-06 mysalesprocess.com, Sales Math
X-16 Kellogg, Why Great Marketers Look at Pipeline Coverage, Not Pipeline Generation
X-17 Kellogg, Pipeline Generation and Starting Coverage (the gap of 2 million)
X-24 optif.ai, Pipeline Coverage Ratio Calculation, whose "coverage" is expected attainment
"""

from __future__ import annotations

import numpy as np
import pytest

from reverse_funnel.plan.point import (
    coverage,
    deals_needed,
    expected_attainment,
    needed_before,
    pipeline_amount,
    point_plan,
    shortfall,
    whole,
)


def test_x01_kellogg_carries_the_unrounded_deals_into_the_opportunities() -> None:
    plan = point_plan(2_000_000, 75_000, [0.20])
    assert plan.deals == pytest.approx(26.6667, abs=1e-4)
    assert whole(plan.deals) == 27
    assert plan.opportunities == pytest.approx(133.33, abs=0.01)
    assert round(plan.opportunities) == 133  # 135 with the deals rounded first
    assert plan.opportunities * 2_500 == pytest.approx(333_333, abs=1)


def test_x04_cascaded_ceilings_reproduce_the_published_figures() -> None:
    plan = point_plan(2_000_000, 60_000, [0.22], cascade=True)
    assert plan.steps == (34, 155)
    assert plan.pipeline == 9_300_000
    assert plan.coverage == pytest.approx(4.65)


def test_x04_exact_coverage_is_the_inverse_of_the_win_rate() -> None:
    plan = point_plan(2_000_000, 60_000, [0.22])
    assert plan.coverage == pytest.approx(1 / 0.22) == pytest.approx(4.5454545)
    assert plan.pipeline == pytest.approx(9_090_909.09)


def test_x04_three_times_coverage_falls_short() -> None:
    pipeline = 3 * 2_000_000
    assert expected_attainment(pipeline, 2_000_000, 0.22) * 2_000_000 == pytest.approx(1_320_000)
    assert shortfall(pipeline, 2_000_000, 0.22) == pytest.approx(680_000)


def test_x05_meetings() -> None:
    assert point_plan(2_000_000, 25_000, [0.25, 0.50]).steps == (80, 320, 640)


def test_x06_four_rates_in_whole_numbers() -> None:
    plan = point_plan(14, 1, [0.40, 0.50, 0.35, 0.10])
    assert plan.steps == pytest.approx((14, 35, 70, 200, 2_000))
    assert [whole(step) for step in plan.steps] == [14, 35, 70, 200, 2_000]


def test_x24_pipeline_times_win_rate_is_expected_attainment_not_coverage() -> None:
    assert expected_attainment(500_000, 100_000, 0.25) == pytest.approx(1.25)
    assert coverage(500_000, 100_000) == pytest.approx(5.0)


def test_growth_is_not_counted_twice() -> None:
    # Opportunities enter at 20,000 and are won at 25,000: pipeline counts what they enter at.
    plan = point_plan(100_000, 25_000, [0.5], amount_at_qualification=20_000)
    assert plan.opportunities == 8
    assert plan.pipeline == 160_000


def test_floating_point_noise_does_not_add_a_lead() -> None:
    assert 21 / 0.7 > 30
    assert whole(21 / 0.7) == 30
    assert whole(30.001) == 31
    assert whole(0.0) == 0


def test_the_arithmetic_works_on_arrays() -> None:
    goals = np.array([100_000.0, 250_000.0])
    deals = deals_needed(goals, np.array([50_000.0, 50_000.0]))
    opportunities = needed_before(deals, np.array([0.5, 0.3]))
    assert whole(opportunities).tolist() == [4, 17]
    assert pipeline_amount(opportunities, np.full(2, 10_000.0)).tolist() == pytest.approx(
        [40_000, 166_666.67]
    )


def test_a_plan_without_a_win_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="win rate"):
        point_plan(1, 1, [])


def test_x16_sales_fall_with_coverage_at_one_conversion() -> None:
    # 3.1 times coverage at 34 % is 105 % of plan, not the printed 109, which takes 35 %.
    assert expected_attainment(3.1, 1.0, 0.34) == pytest.approx(1.054)
    assert expected_attainment(3.1, 1.0, 0.35) == pytest.approx(1.085)
    assert round(expected_attainment(2.4, 1.0, 0.34), 2) == 0.82


def test_x17_a_gap_of_two_millions_is_the_difference_of_two_coverages() -> None:
    plan = 2_000_000 / (2.5 - 2.2)
    assert plan == pytest.approx(6_666_667, abs=1)
    assert (2.2 * plan, 2.5 * plan) == pytest.approx((14_666_667, 16_666_667), abs=1)
    assert coverage(2.5 * plan, plan) - coverage(2.2 * plan, plan) == pytest.approx(0.3)
    assert expected_attainment(4.0, 1.0, 0.25) == pytest.approx(1.0)
    # Signed up for five times what a quarter is won of: a cushion of a quarter.
    assert pytest.approx(1.25) == 5.0 / (1 / 0.25)
