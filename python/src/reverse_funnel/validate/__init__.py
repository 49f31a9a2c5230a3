"""A gate before the build: it finds raw tables that are not fit to be built from.

What the raw tables must hold stands with the sources in `models/staging/`; how strict the gate is
stands in `seeds/policies/gate_policy.csv`. The database counts, Great Expectations judges the
counts and writes the report, so that ten million rows never leave the database.
"""

from reverse_funnel.validate.run import Gate, GateResult, run_gate

__all__ = ["Gate", "GateResult", "run_gate"]
