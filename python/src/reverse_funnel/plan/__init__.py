"""Goals and measured assumptions to monthly targets per planning cell.

    goals.py        finance's goals, checked row by row
    assumptions.py  the mart `assumptions`, as records and as arrays
    solve.py        the mathematics: goals to creation and back
    point.py        the published point arithmetic
    targets.py      the plan, and its rows as seeds
    vintages.py     seeds on disk: append-only, all or nothing
    run.py          all of it in order

The numbers come from `model.py`'s shapes: C cells, G goal cells, months as columns.
"""

from reverse_funnel.plan.run import PlanRequest, PlanResult, run_plan
from reverse_funnel.plan.targets import Plan, PlanSettings, make_plan

__all__ = ["Plan", "PlanRequest", "PlanResult", "PlanSettings", "make_plan", "run_plan"]
