"""A CRM that was filled by a migration knows only what was then alive: var history_starts_on."""

from __future__ import annotations

import numpy as np
import pytest

from compiled import CompiledModels, CompiledSql
from small_company import AS_OF, Company, Spells, draw_company, simulate
from spell_lab import FIRST_DAY, Window, give_cells, give_spells, give_windows

pytestmark = pytest.mark.dbt

MIGRATED_ON = np.datetime64("2025-01-01")


def _win_rate(
    sql: CompiledSql, company: Company, spells: Spells, starts_on: np.datetime64
) -> tuple[float, float]:
    """Return the company's win rate and its standard error from a history known from a day on."""
    first, last = np.datetime64(FIRST_DAY), np.datetime64(AS_OF)
    starts, ends = int((starts_on - first).astype(int)), int((last - first).astype(int)) + 1
    with sql.lab() as lab:
        give_windows(lab, [Window("all_time", starts, ends)])
        give_cells(lab, company.cells)
        give_spells(
            lab,
            cell=spells.cell,
            entered_on=spells.entered_on,
            left_on=spells.left_on,
            cause=spells.cause,
        )
        lab.seed("cell_levels")
        lab.run("int_estimates__curves", "int_estimates__rates")
        return lab.query(
            "select rate, std_error from intermediate.int_estimates__rates "
            "where cell_level = 'company'"
        )[0]


def test_survivors_count_from_the_day_their_history_starts(compiled: CompiledModels) -> None:
    """The dead of the years before were left behind: old deals that were still open came along."""
    rng = np.random.default_rng(20250101)
    company = draw_company(rng)
    whole = simulate(company, rng, expected=20_000)
    alive = whole.left_on >= MIGRATED_ON
    assert 0.3 < alive.mean() < 0.9
    migrated = Spells(
        cell=whole.cell[alive],
        entered_on=whole.entered_on[alive],
        left_on=whole.left_on[alive],
        cause=whole.cause[alive],
    )
    truth = float(company.share @ company.won_by(365))

    rate, std_error = _win_rate(compiled(), company, migrated, MIGRATED_ON)
    assert abs(rate - truth) < 3 * std_error < 0.03
    # Told nothing, the estimate takes the survivors for everything that ever was.
    believed, error = _win_rate(compiled(), company, migrated, np.datetime64("2000-01-01"))
    assert abs(believed - truth) > 3 * error
    # What the dead would have said of later ages is not missed: the whole history agrees.
    complete, _ = _win_rate(compiled(), company, whole, np.datetime64("2000-01-01"))
    assert abs(complete - rate) < 3 * std_error
