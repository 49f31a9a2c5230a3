"""Goals and measured assumptions to monthly targets per planning cell.

    goals.py        finance's goals, checked row by row
    assumptions.py  the mart `assumptions`, as records and as arrays
    standing.py     what is booked, open and created already, as records and as arrays
    distribution.py the mathematics: goals to creation through the distribution of times,
                    with bounded.py (least squares) and kernels.py (lags) below it
    confidence.py   how much more it takes to be likely, and not only expected, to get there
    solve.py        a single lag, and the way forward again from creation to bookings
    point.py        the published point arithmetic
    make.py         the plan: all of the above in one pure function
    targets.py      its rows as seeds
    vintages.py     seeds on disk: append-only, all or nothing
    run.py          all of it in order

The numbers come from `model.py`'s shapes: C cells, G goal cells, months as columns.
"""

from reverse_funnel.plan.make import Plan, PlanSettings, make_plan
from reverse_funnel.plan.run import PlanRequest, PlanResult, run_plan

__all__ = ["Plan", "PlanRequest", "PlanResult", "PlanSettings", "make_plan", "run_plan"]
