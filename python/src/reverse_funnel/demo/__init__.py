"""The demo: a simulated company whose true rates are known, as a CRM would hold it.

The company (``company``, ``simulation`` and the modules they use) is simulated in neutral arrays,
block by block; a writer (``salesforce``) turns them into the tables of a CRM as a connector lands
them. What an estimator should find is written to truth.json (``truth``).
"""

from reverse_funnel.demo.build import build_demo
from reverse_funnel.demo.config import DemoConfig, DemoSummary
from reverse_funnel.demo.finance import write_costs, write_headcount
from reverse_funnel.demo.goals import write_bookings_goals

__all__ = [
    "DemoConfig",
    "DemoSummary",
    "build_demo",
    "write_bookings_goals",
    "write_costs",
    "write_headcount",
]
