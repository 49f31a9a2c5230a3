"""The curves in SQL against the textbook in exact fractions, against lifelines, and themselves.

Small random companies: ties, exits on the day of entry, cells of one spell, cells that empty,
spells already under way when the window opens, spells that go on after it closes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.exceptions import StatError

import textbook
from compiled import CompiledModels, CompiledSql
from spell_lab import (
    ADVANCED,
    CELL_COLUMNS,
    LOST,
    OPEN,
    Spell,
    Window,
    measure,
)

pytestmark = pytest.mark.dbt

HORIZON = 60
"""Short, so that small data reach beyond it."""
WINDOWS = (
    Window("lookback", 0, 40),
    Window("prior_year", -90, -50),
    Window("all_time", -900, 40),
)
CELLS = (
    ("smb", "new", "home", "web", "all"),
    ("smb", "new", "home", "event", "all"),
    ("smb", "expansion", "abroad", "web", "all"),
    ("large", "new", "abroad", "event", "all"),
)
DEPTHS = {
    "company": (),
    "segment": (0,),
    "segment_deal_type": (0, 1),
    "goal_cell": (0, 1, 2),
    "pipeline_source": (3,),
    "segment_deal_type_source": (0, 1, 3),
    "cell": (0, 1, 2, 3, 4),
}
"""The levels that spells are counted at, and which dimensions each keeps."""
EXTREMES = {level: DEPTHS[level] for level in ("company", "cell")}

Curves = dict[tuple[str, ...], list[tuple[Any, ...]]]
"""Points by window, level and cell; each point starts with its age."""

POINT = [
    "age_days",
    "entered_count",
    "departed_count",
    "terminated_count",
    "at_risk_count",
    "advanced_count",
    "lost_count",
    "derailed_count",
    "surviving_before",
    "incidence",
    "cumulative_incidence",
    "cumulative_lost",
    "cumulative_derailed",
    "std_error",
]
COUNTS = slice(POINT.index("entered_count"), POINT.index("surviving_before"))
CUMULATIVE = slice(POINT.index("cumulative_incidence"), POINT.index("std_error"))


@pytest.fixture(scope="module")
def sql(compiled: CompiledModels) -> CompiledSql:
    return compiled({"conversion_horizon_days": HORIZON})


@st.composite
def spells(draw: st.DrawFn, most: int = 25, longest: int = 130) -> list[Spell]:
    """Draw spells around the lookback; few distinct days in half of the cases, for ties."""
    step = draw(st.sampled_from([1, 9]))
    one = st.builds(
        lambda entered, lasting, cause, cell: Spell(
            entered * step, (entered + lasting) * step, cause, cell
        ),
        st.integers(-100 // step, 45 // step),
        st.integers(0, longest // step),
        st.integers(0, 3),
        st.integers(0, len(CELLS) - 1),
    )
    return draw(st.lists(one, min_size=1, max_size=most))


checked = settings(max_examples=30, deadline=None)
checked_against_itself = settings(max_examples=12, deadline=None)


def run(
    sql: CompiledSql,
    spells: Sequence[Spell],
    windows: Sequence[Window] = WINDOWS,
    cells: Sequence[tuple[str, ...]] = CELLS,
) -> tuple[Curves, dict[tuple[str, ...], dict[str, Any]]]:
    """Measure in a lab of its own: the curves, and the rates by column, both by key."""
    key = ["estimation_window", "cell_level", *CELL_COLUMNS]
    with sql.lab() as lab:
        measure(lab, spells, windows, cells)
        points: Curves = {}
        for row in lab.query(
            f"select {', '.join(key + POINT)} from intermediate.int_estimates__curves "
            "order by age_days"
        ):
            points.setdefault(row[: len(key)], []).append(row[len(key) :])
        found = lab.connection.execute("select * from intermediate.int_estimates__rates")
        names = [column[0] for column in found.description or []]
        rates = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return points, {tuple(row[name] for name in key): row for row in rates}


def by_key(
    spells: Sequence[Spell], depths: Mapping[str, tuple[int, ...]] = DEPTHS
) -> Iterator[tuple[tuple[str, ...], list[textbook.Seen]]]:
    """What each window sees of each cell at each level, under the key that the SQL gives it."""
    for window in WINDOWS:
        for level, kept in depths.items():
            cells = [
                tuple(value if n in kept else "*" for n, value in enumerate(cell)) for cell in CELLS
            ]
            for cell in sorted(set(cells)):
                here = textbook.seen((s for s in spells if cells[s.cell] == cell), window)
                if here:
                    yield (window.name, level, *cell), here


def assert_close(left: Curves, right: Curves) -> None:
    assert left.keys() == right.keys()
    for key, points in left.items():
        assert np.array(points) == pytest.approx(np.array(right[key]), abs=1e-9), key


# --- against the textbook -------------------------------------------------------------------------
@checked
@given(spells=spells())
def test_every_column_of_the_curves_is_the_textbook_s(
    sql: CompiledSql, spells: list[Spell]
) -> None:
    found, _ = run(sql, spells)
    expected: Curves = {
        key: [
            (
                point.age,
                point.entered,
                sum(point.ended),
                sum(point.ended[1:]),
                point.at_risk,
                *point.ended[1:],
                float(point.surviving_before),
                float(point.incidence),
                float(point.advanced_by),
                float(point.lost_by),
                float(point.derailed_by),
                point.std_error,
            )
            for point in textbook.curve(here)
        ]
        for key, here in by_key(spells)
    }
    assert_close(found, expected)


@checked
@given(spells=spells())
@example(spells=[Spell(-HORIZON, 0, ADVANCED), Spell(-HORIZON, 1, LOST), Spell(-HORIZON, 9, OPEN)])
def test_every_column_of_the_rates_is_the_textbook_s(sql: CompiledSql, spells: list[Spell]) -> None:
    _, found = run(sql, spells)
    expected = {key: textbook.rates(here, HORIZON) for key, here in by_key(spells)}
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        for name, value in row.items():
            # days are rounded to the millionth where their last digits depend on the warehouse
            within = 6e-7 if name == "mean_days_std_error" else 1e-9
            assert found[key][name] == pytest.approx(value, abs=within), (key, name)


# --- against lifelines ----------------------------------------------------------------------------
def half_a_day_later(here: Sequence[textbook.Seen]) -> dict[str, Any]:
    """Durations and entries for lifelines, which wants an exit after its entry.

    With whole days, who enters at u and leaves at v is at risk at w where u <= w <= v; moving the
    exits by half a day changes none of these orders.
    """
    return {
        "durations": np.array([spell.exit + 0.5 for spell in here]),
        "entry": np.array([spell.entry for spell in here]),
    }


@checked
@given(spells=spells())
def test_the_survival_of_all_exits_is_kaplan_meier_s(sql: CompiledSql, spells: list[Spell]) -> None:
    """Ties and delayed entry are exact in both. lifelines refuses risk sets that empty early."""
    found, _ = run(sql, spells)
    for key, here in by_key(spells, EXTREMES):
        try:
            fitted = KaplanMeierFitter().fit(
                event_observed=[spell.cause != OPEN for spell in here], **half_a_day_later(here)
            )
        except StatError:
            continue
        ages = np.array([point[0] for point in found[key]])
        after = [1 - sum(point[CUMULATIVE]) for point in found[key]]
        expected = fitted.survival_function_at_times(ages + 0.5).to_numpy()
        assert after == pytest.approx(expected, abs=1e-9), key


@checked
@given(spells=spells(most=40), cause=st.sampled_from([1, 2, 3]))
def test_incidences_without_ties_are_those_of_lifelines(
    sql: CompiledSql, spells: list[Spell], cause: int
) -> None:
    """lifelines moves tied ends by random amounts, so each end has an age of its own here."""
    spells = [Spell(s.entered, s.entered + n, s.cause, 0) for n, s in enumerate(spells)]
    found, _ = run(sql, spells)
    column = CUMULATIVE.start + cause - 1
    for key, here in by_key(spells, EXTREMES):
        causes = [spell.cause for spell in here]
        if len({spell.exit for spell in here}) < len(here) or cause not in causes:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # it warns where it moves ends
            fitted = AalenJohansenFitter(calculate_variance=False).fit(
                event_observed=causes, event_of_interest=cause, **half_a_day_later(here)
            )
        expected = fitted.cumulative_density_.iloc[:, 0]
        for point in found[key]:
            at = expected[expected.index <= point[0] + 0.5].iloc[-1]
            assert point[column] == pytest.approx(at, abs=1e-9), key


# --- against themselves ---------------------------------------------------------------------------
@checked_against_itself
@given(spells=spells())
def test_what_is_won_lost_derailed_and_open_is_everything(
    sql: CompiledSql, spells: list[Spell]
) -> None:
    found, _ = run(sql, spells)
    for points in found.values():
        columns = dict(zip(POINT, np.array(points).T, strict=True))
        ended = sum(columns[f"{cause}_count"] for cause in ("advanced", "lost", "derailed"))
        open_after = columns["surviving_before"] * (1 - ended / columns["at_risk_count"])
        by_cause = [columns[name] for name in POINT[CUMULATIVE]]
        assert sum(by_cause) + open_after == pytest.approx(np.ones(len(points)), abs=1e-9)
        for cumulative in by_cause:
            assert np.all(np.diff(cumulative, prepend=0) >= -1e-12)


@checked_against_itself
@given(spells=spells(most=15), copies=st.integers(2, 5))
def test_every_spell_several_times_leaves_the_curve_and_narrows_the_error(
    sql: CompiledSql, spells: list[Spell], copies: int
) -> None:
    once, rates = run(sql, spells)
    often, more_rates = run(sql, spells * copies)
    scaled: Curves = {}
    for key, points in once.items():
        array = np.array(points)
        array[:, COUNTS] *= copies
        array[:, -1] /= math.sqrt(copies)
        scaled[key] = [tuple(point) for point in array]
    assert_close(often, scaled)
    for key, row in rates.items():
        for same in ("rate", "mean_days", "median_days", "rate_naive", "rate_period"):
            assert more_rates[key][same] == pytest.approx(row[same], abs=1e-9)


@checked_against_itself
@given(spells=spells(), data=st.data())
def test_the_order_and_the_keys_of_things_do_not_matter(
    sql: CompiledSql, spells: list[Spell], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(spells))
    order = data.draw(st.permutations(range(len(CELLS))))
    renumbered = [replace(spell, cell=order.index(spell.cell)) for spell in shuffled]
    assert_close(run(sql, renumbered, cells=[CELLS[n] for n in order])[0], run(sql, spells)[0])


@checked_against_itself
@given(spells=spells())
def test_fifty_two_weeks_later_everything_is_the_same(
    sql: CompiledSql, spells: list[Spell]
) -> None:
    later = [replace(s, entered=s.entered + 364, left=s.left + 364) for s in spells]
    windows = [replace(w, starts=w.starts + 364, ends=w.ends + 364) for w in WINDOWS]
    assert_close(run(sql, later, windows)[0], run(sql, spells)[0])


@checked_against_itself
@given(spells=spells(most=15))
def test_two_halves_that_are_alike_have_the_curve_of_the_whole(
    sql: CompiledSql, spells: list[Spell]
) -> None:
    """Every spell twice, once in each half of its territory: the parents are those of before."""
    halves = [
        (*cell[:2], f"{cell[2]} {side}", *cell[3:]) for side in ("left", "right") for cell in CELLS
    ]
    split = spells + [replace(spell, cell=spell.cell + len(CELLS)) for spell in spells]
    whole, _ = run(sql, spells)
    doubled, _ = run(sql, spells * 2)
    found, _ = run(sql, split, cells=halves)
    for key, points in found.items():
        if " " in key[4]:
            unsplit = (*key[:4], key[4].split(" ")[0], *key[5:])
            assert np.array(points) == pytest.approx(np.array(whole[unsplit]), abs=1e-9)
        else:
            assert np.array(points) == pytest.approx(np.array(doubled[key]), abs=1e-9)


@checked_against_itself
@given(spells=spells())
def test_a_further_dimension_leaves_every_coarser_level(
    sql: CompiledSql, spells: list[Spell]
) -> None:
    """The cells fall apart by a custom dimension; what does not look at it is as before."""
    finer = [(*cell[:4], extra) for extra in ("odd", "even") for cell in CELLS]
    split = [replace(s, cell=s.cell + len(CELLS) * (n % 2)) for n, s in enumerate(spells)]

    def coarse(found: Mapping[tuple[str, ...], Any]) -> Curves:
        return {key: points for key, points in found.items() if key[1] != "cell"}

    assert_close(coarse(run(sql, split, cells=finer)[0]), coarse(run(sql, spells)[0]))


@checked_against_itself
@given(spells=spells())
def test_what_happens_after_a_window_is_not_known_in_it(
    sql: CompiledSql, spells: list[Spell]
) -> None:
    """Ends after the last day are ends nobody has seen; spells that begin later are not there."""
    last_day = WINDOWS[0].ends - 1
    known = [
        s if s.left <= last_day else replace(s, left=last_day, cause=OPEN)
        for s in spells
        if s.entered <= last_day
    ]
    assume(known)
    with_later, later_rates = run(sql, [*spells, Spell(last_day + 1, last_day + 3, ADVANCED, 1)])
    without, rates = run(sql, known)
    assert_close(with_later, without)
    for key, row in rates.items():
        assert later_rates[key] == pytest.approx(row, abs=1e-9, nan_ok=True)


def test_everybody_leaving_ends_the_curve_even_if_more_enter_later(sql: CompiledSql) -> None:
    """A risk set that empties leaves nothing to win for those who enter at a later age."""
    lookback = WINDOWS[0]
    spells = [Spell(0, 3, LOST), Spell(-20, 5, ADVANCED)]
    found, _ = run(sql, spells, [lookback])
    key = (lookback.name, "company", *"*****")
    assert [(point[0], point[CUMULATIVE][0]) for point in found[key]] == [
        (0, 0),
        (3, 0),
        (20, 0),
        (25, 0),
    ]
