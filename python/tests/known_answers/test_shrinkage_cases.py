"""Published shrinkage, reproduced by the project's SQL.

The prior of a published case is given to the SQL the way the SQL learns priors: as siblings that
differ by just so much. They are so large that chance has no part in how they differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiled import CompiledModels, Lab

pytestmark = pytest.mark.dbt

Floats = NDArray[np.float64]

SIBLINGS = 70
"""As many as there were historical groups in X-42; an even number, half on each side."""


@pytest.fixture
def lab(compiled: CompiledModels) -> Iterator[Lab]:
    with compiled().lab() as lab:
        yield lab


def row(depth: int, segment: str, value: float, n: float, **other: Any) -> dict[str, Any]:
    """One row of the evidence of a win rate, at depth 1 below the company or deeper."""
    dimensions = ("segment", "deal_type", "territory", "pipeline_source", "custom_dimension")
    return {
        "parameter": "win_rate",
        "shrinkage": "beta_binomial",
        "cell_level": ("company", "segment", "segment_deal_type")[depth],
        "depth": depth,
        "parent_level": (None, "company", "segment")[depth],
        **dict.fromkeys(dimensions, "*"),
        **{f"parent_{name}": "*" for name in dimensions},
        "segment": segment,
        "own_value": value,
        "own_std_error": 0.0,
        "scaled_value": value,
        "own_n": min(int(n), 1_000_000),
        "effective_n": n,
        **other,
    }


def shrink(lab: Lab, mean: float, sd: float, value: float, n: int) -> tuple[float, ...]:
    """Weight, value and standard error of one new group beside siblings of that mean and sd."""
    # half of them on each side, as far away as gives them that standard deviation
    distance = sd * ((SIBLINGS - 1) / SIBLINGS) ** 0.5
    lab.table(
        "int_estimates__evidence",
        rows=[
            row(0, "*", mean, 1e12),
            row(1, "new", value, n),
            *(
                row(1, f"old {k}", mean + (distance if k % 2 else -distance), 1e12)
                for k in range(SIBLINGS)
            ),
        ],
    )
    lab.run("int_estimates__credibility", "int_estimates__shrunk")
    return lab.query(
        "select own_weight, value, scaled_std_error, prior_weight "
        "from intermediate.int_estimates__shrunk where segment = 'new'"
    )[0]


# --- rat tumours, Gelman et al., Bayesian Data Analysis, ch. 5 --------------------------------
def test_rat_tumours_by_the_moments_of_the_historical_groups(lab: Lab) -> None:
    """Mean .136 and sd .103 are Beta(1.37, 8.71); 4 of 14 beside it give .223 with an sd of .083."""
    _, value, std_error, prior_weight = shrink(lab, 0.136, 0.103, 4 / 14, 14)
    alpha, beta = 0.136 * prior_weight, 0.864 * prior_weight
    assert (round(alpha, 2), round(beta, 2)) == (1.37, 8.71)
    assert value == pytest.approx((alpha + 4) / (alpha + beta + 14), abs=1e-9)
    assert (round(value, 3), round(std_error, 3)) == (0.223, 0.083)


def test_rat_tumours_by_the_rounded_prior(lab: Lab) -> None:
    """The printed Beta(1.4, 8.6) gives other last digits: .225 and .084."""
    _, value, std_error, prior_weight = shrink(lab, 0.14, (0.14 * 0.86 / 11) ** 0.5, 4 / 14, 14)
    assert prior_weight == pytest.approx(10, abs=1e-6)
    assert (round(value, 3), round(std_error, 3)) == (0.225, 0.084)


# --- batting averages, Efron and Morris, Scientific American 236 (1977) 119 --------------------
def test_clemente_is_drawn_to_the_mean_by_the_published_factor(lab: Lab) -> None:
    """18 hits in 45 at bats; the mean is .265 and the factor .212, which 45 has beside 167.3."""
    prior_weight = 45 * (1 - 0.212) / 0.212
    sd = (0.265 * 0.735 / (prior_weight + 1)) ** 0.5
    weight, value, *_ = shrink(lab, 0.265, sd, 18 / 45, 45)
    assert weight == pytest.approx(0.212, abs=1e-9)
    assert value == pytest.approx(0.265 + 0.212 * (0.400 - 0.265), abs=1e-9)
    assert round(value, 3) == 0.294


# --- the moments themselves: Kleinman, J. Am. Stat. Assoc. 68 (1973) 46 ------------------------------
def kleinmans_prior_weight(shares: Floats, n: Floats) -> float:
    """Prior weight of siblings with these shares out of n, from one parent; at most 999."""
    weight = n / n.sum()
    mean = weight @ shares
    chance = np.sum(weight * (1 - weight) / n)
    dispersion = weight @ (shares - mean) ** 2
    correlation = (dispersion / (mean * (1 - mean)) - chance) / (
        np.sum(weight * (1 - weight)) - chance
    )
    return float(1 / min(max(correlation, 0.001), 1) - 1)


def test_prior_weights_are_kleinman_s_whatever_the_siblings_sizes(lab: Lab) -> None:
    """Thirty families at once, some alike and some not, each as a parameter of its own."""
    rng = np.random.default_rng(43)
    rows, expected = [], {}
    for family in range(30):
        n = rng.integers(5, 200, size=rng.integers(2, 12)).astype(float)
        true = rng.beta(0.25 * 3 ** (family % 6), 0.75 * 3 ** (family % 6), size=len(n))
        shares = rng.binomial(n.astype(int), true) / n
        expected[f"family {family}"] = kleinmans_prior_weight(shares, n)
        rows += [
            row(1, f"{k}", share, size, parameter=f"family {family}")
            for k, (share, size) in enumerate(zip(shares, n, strict=True))
        ]
    lab.table("int_estimates__evidence", rows=rows)
    lab.run("int_estimates__credibility")
    found = dict(
        lab.query("select parameter, prior_weight from intermediate.int_estimates__credibility")
    )
    assert found == pytest.approx(expected, rel=1e-6)
    assert min(expected.values()) < 5
    assert 999 in np.round(list(expected.values()), 6)


# --- where there is nothing to be drawn towards ---------------------------------------------------
def test_an_only_child_is_its_parent_once_more(lab: Lab) -> None:
    """With one deal type a segment, both levels see the same deals: what the segment gained by being
    drawn towards the company is not undone below it."""
    segments = [("a", 0.10, 20), ("b", 0.30, 200), ("c", 0.25, 100), ("d", 0.40, 80)]
    lab.table(
        "int_estimates__evidence",
        rows=[
            row(0, "*", 0.28, 400, own_std_error=0.0225),
            *(row(1, name, value, n) for name, value, n in segments),
            *(
                row(2, name, value, n, deal_type="new", parent_segment=name)
                for name, value, n in segments
            ),
        ],
    )
    lab.run("int_estimates__credibility", "int_estimates__shrunk")
    by_depth = {
        depth: lab.query(
            "select segment, value, scaled_std_error, lower, upper "
            f"from intermediate.int_estimates__shrunk where depth = {depth} order by segment"
        )
        for depth in (1, 2)
    }
    assert by_depth[1][0][1] > 0.15  # drawn away from its own 0.10
    for parent, child in zip(by_depth[1], by_depth[2], strict=True):
        assert child == pytest.approx(parent)
