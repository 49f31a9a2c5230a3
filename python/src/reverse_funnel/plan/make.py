"""The plan itself: goals, assumptions and what stands already in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from reverse_funnel.plan.assumptions import AssumptionBook, Lags, tabulate
from reverse_funnel.plan.caps import CreationCap, laid_out_caps
from reverse_funnel.plan.confidence import (
    Outlook,
    group_of,
    loaded_goals,
    make_outlook,
    new_bookings,
)
from reverse_funnel.plan.distribution import Steadiness, distribution
from reverse_funnel.plan.goals import ApprovedGoals
from reverse_funnel.plan.model import (
    FUNNEL_STEPS,
    Cell,
    CellAssumptions,
    Confidence,
    Creation,
    FloatArray,
    Standing,
    Timeline,
)
from reverse_funnel.plan.solve import extend_goals, fixed_lag, upstream_count
from reverse_funnel.plan.standing import StandingBook, lay_out, make_timeline, open_risk
from reverse_funnel.plan.sums import by_period

QUALIFIED = FUNNEL_STEPS[-1]

# The methods, by what they know of the time between two steps.
METHODS: Mapping[str, Lags] = MappingProxyType(
    {"distribution": Lags.DISTRIBUTION, "fixed_lag": Lags.MEAN, "steady_state": Lags.NONE}
)


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """What a plan depends on besides goals, assumptions and what stands already.

    Attributes
    ----------
    method
        One of `METHODS`: through the distribution of times (default); `fixed_lag`, each month
        served one mean cycle earlier; `steady_state`, each month by its own creation.
    goal_growth
        Extends the goals beyond their last month, per year (0.1 for 10 %).
    qualifying_stage, plan_dimensions, fiscal_year_start_month
        The project's vars of the same names.
    steadiness
        How evenly the distribution method is to create.
    confidence
        How sure the p80 form of the targets is to be, and for whom.
    caps
        The most that can be created; only the distribution method heeds them.

    """

    method: str = "distribution"
    goal_growth: float = 0.0
    qualifying_stage: int = 2
    plan_dimensions: tuple[str, ...] = Cell._fields[:4]
    fiscal_year_start_month: int = 1
    steadiness: Steadiness = field(default_factory=Steadiness)
    confidence: Confidence = field(default_factory=Confidence)
    caps: tuple[CreationCap, ...] = ()


@dataclass(frozen=True, slots=True)
class CarryOver:
    """What a plan takes over from the one it replaces.

    Attributes
    ----------
    base_version
        The plan it replaces.
    policy
        What becomes of a shortfall: none, next, spread or deadline_aware.
    surplus_credit
        Share of a surplus that lowers later targets, 0 to 1.
    carried
        (C, T) target count less that of the base plan.
    lateness
        (C, T) the part of it that is needed only because the shortfall comes late.

    """

    base_version: str
    policy: str
    surplus_credit: float
    carried: FloatArray
    lateness: FloatArray

    def terms(self) -> list[str]:
        """Return what was agreed, for the hash of a plan's inputs."""
        return [self.base_version, self.policy, f"{self.surplus_credit:.4f}"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Targets for every cell, step and month from the first to the last month with goals.

    Attributes
    ----------
    settings, goals, book, standing_book
        What it was made from.
    assumptions
        The book as arrays, C cells and G goal cells.
    timeline
        The T months with goals, and which of them are gone.
    steps
        For each funnel step (C, T) counts; NaN where there is no target: the step, or the cell,
        is not measured, or the cell's goal is unreachable. Of months gone by, what was created, and
        NaN for the steps before it.
    amount
        (C, T) pipeline to create, in corporate currency; of months gone by, what was created.
    count_p80
        (C, T) qualified opportunities that reach the goal with the wanted confidence, where known.
    served_before
        (G, T) bookings made, and to be expected of pipeline that is there already.
    bookings
        (G, T) bookings to be expected if the targets are met.
    unreachable
        (G, T) bookings goals that no creation can serve.
    outlook, outlook_p80
        What is to be expected, and how likely the goals are reached, by quarter, if the targets or
        their p80 forms are met; for the groups that `settings.confidence` names.
    carry_over
        What was taken over from the plan that this one replaces, if it replaces one.

    """

    settings: PlanSettings
    goals: ApprovedGoals
    book: AssumptionBook
    standing_book: StandingBook
    assumptions: CellAssumptions
    timeline: Timeline
    steps: Mapping[str, FloatArray]
    amount: FloatArray
    count_p80: FloatArray | None
    served_before: FloatArray
    bookings: FloatArray
    unreachable: FloatArray
    outlook: Outlook
    outlook_p80: Outlook | None
    carry_over: CarryOver | None = None

    @property
    def cap(self) -> FloatArray | None:
        """(G, T) most that can be created in a month; None where there are no caps."""
        cap = laid_out_caps(self.settings.caps, self.assumptions.goal_cells, self.timeline)
        return None if cap is None else cap[:, : self.months]

    @property
    def first_month(self) -> int:
        """The first month with goals."""
        return self.goals.goals.first_month

    @property
    def months(self) -> int:
        """T, the number of months with goals."""
        return self.goals.goals.months


def make_plan(
    goals: ApprovedGoals,
    book: AssumptionBook,
    settings: PlanSettings,
    standing: StandingBook | None = None,
) -> Plan:
    """Work the goals backwards into monthly targets.

    A target month serves bookings one cycle later, and the lead of that month one that is later
    still, so goals are extended beyond their last month (`extend_goals`) as far as any cell's
    creation and upstream steps reach, and once more, so that the last of them is served as the
    others are.
    """
    problem = pose(goals, book, settings, standing or StandingBook())
    return finish(problem, problem.solve(problem.extended))


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that stays the same while goals and standing are tried.

    Attributes
    ----------
    settings, goals, book, standing_book
        What it is made from.
    extended
        (G, N) goals, extended beyond their last month.
    assumptions
        The book as arrays.
    creation_months
        The months whose creation a target depends on, from the first month with goals.
    timeline, standing
        The N months, and what stands in them.

    """

    settings: PlanSettings
    goals: ApprovedGoals
    book: AssumptionBook
    standing_book: StandingBook
    extended: FloatArray
    assumptions: CellAssumptions
    creation_months: int
    timeline: Timeline
    standing: Standing

    def solve(self, goals: FloatArray) -> Creation:
        """Return the creation that serves (G, N) goals."""
        if METHODS[self.settings.method] is not Lags.DISTRIBUTION:
            return fixed_lag(goals, self.assumptions, self.creation_months)
        return distribution(
            goals,
            self.assumptions,
            self.creation_months,
            timeline=self.timeline,
            standing=self.standing,
            steadiness=self.settings.steadiness,
        )

    def to_create(self, creation: Creation) -> FloatArray:
        """Return (C, M) what is still to be created; 0 in months gone by."""
        rest = creation.count - self.standing.created[:, : creation.count.shape[1]]
        rest = np.maximum(rest, 0.0)
        rest[:, : self.timeline.first_free] = 0.0
        return rest

    def outlook(self, creation: Creation) -> Outlook:
        """Return the bookings to be expected of a creation, by who holds the confidence."""
        confidence = self.settings.confidence
        rest = self.to_create(creation)
        rest = np.pad(rest, ((0, 0), (0, len(self.timeline.period) - rest.shape[1])))
        period = self.timeline.period
        return make_outlook(
            by_period(self.extended, period),
            by_period(self.standing.booked, period),
            open_risk(self.standing_book, self.assumptions, self.timeline),
            new_bookings(self.assumptions, self.timeline, rest),
            group_of(self.assumptions.goal_cells, confidence.held_by),
            self.assumptions.goal_cells,
            confidence.common_shock,
        )

    def likely(self, creation: Creation) -> Creation | None:
        """Return the creation that reaches the goals with the wanted confidence."""
        if METHODS[self.settings.method] is not Lags.DISTRIBUTION:
            return None
        loaded = loaded_goals(
            self.extended,
            self.outlook(creation),
            group_of(self.assumptions.goal_cells, self.settings.confidence.held_by),
            self.standing.bookings,
            self.timeline,
            self.settings.confidence,
        )
        return self.solve(loaded)


def pose(
    goals: ApprovedGoals, book: AssumptionBook, settings: PlanSettings, standing: StandingBook
) -> Problem:
    """Arrange goals, assumptions and what stands on one timeline."""
    table, start_month = goals.goals, settings.fiscal_year_start_month
    assumptions = tabulate(book, table.cells, METHODS[settings.method], start_month)
    upstream_lag = max(step.kernel.shape[1] - 1 for step in assumptions.upstream)
    creation_months = table.months + upstream_lag
    span = creation_months + assumptions.kernel.shape[1] - 1
    timeline = make_timeline(table, span, book.as_of_date, start_month)
    stands = lay_out(standing, assumptions, timeline, book.as_of_date)
    return Problem(
        settings=settings,
        goals=goals,
        book=book,
        standing_book=standing,
        extended=extend_goals(table.amount, span, settings.goal_growth),
        assumptions=assumptions,
        creation_months=creation_months,
        timeline=timeline,
        standing=replace(
            stands, cap=laid_out_caps(settings.caps, assumptions.goal_cells, timeline)
        ),
    )


def finish(problem: Problem, creation: Creation, carry_over: CarryOver | None = None) -> Plan:
    """Cut a solution to the months with goals, and add the steps before qualification."""
    assumptions, standing = problem.assumptions, problem.standing
    goals, gone = problem.goals, problem.timeline.first_free
    months = goals.goals.months
    to_create = problem.to_create(creation)
    upstream = {step.name: upstream_count(to_create, step, months) for step in assumptions.upstream}
    for counts in upstream.values():
        counts[:, :gone] = np.nan
    qualified = creation.count[:, :months].copy()
    qualified[:, :gone] = standing.created[:, :gone]
    entry = assumptions.amount_at_qualification.value[:, np.newaxis]
    amount = standing.created_amount[:, :months] + to_create[:, :months] * entry
    amount[:, :gone] = standing.created_amount[:, :gone]
    likely = problem.likely(creation)
    return Plan(
        settings=problem.settings,
        goals=goals,
        book=problem.book.within(goals.goals.cells),
        standing_book=problem.standing_book,
        assumptions=assumptions,
        timeline=problem.timeline,
        steps=MappingProxyType({**upstream, QUALIFIED: qualified}),
        amount=amount,
        count_p80=None if likely is None else np.maximum(likely.count[:, :months], qualified),
        served_before=creation.served_before[:, :months],
        bookings=creation.bookings[:, :months],
        unreachable=creation.unreachable[:, :months],
        outlook=problem.outlook(creation),
        outlook_p80=None if likely is None else problem.outlook(likely),
        carry_over=carry_over,
    )
