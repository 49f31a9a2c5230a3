"""Find planted faults in a simulated company, in both CRMs; writes docs/validation_faults.md.

A company is simulated with every known fault in its raw tables, as Salesforce and as HubSpot, and
built as far as the marts of quality. Every planted fault is looked for there.

Usage: make validate-faults, or python bench/validate_faults.py --opportunities 3000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from reverse_funnel.demo import hubspot_faults
from reverse_funnel.demo.found import HANDLINGS, Found, find

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "validate_faults"
REPORT = ROOT / "docs" / "validation_faults.md"
DIRTY = 0.05
BALANCE = """
    select crm, contract_table, rows_in, rows_published, rows_quarantined, rows_superseded,
        rows_out_of_scope, rows_in - rows_published - rows_quarantined - rows_superseded
            - rows_out_of_scope
    from marts.reconciliation order by crm desc, contract_table
"""
TITLES = {"salesforce": "Salesforce", "hubspot": "HubSpot"}


def build(opportunities: int, seed: int) -> tuple[Path, Path]:
    """Simulate a faulty company, build its marts of quality; return its database and truth."""
    database = WORK / "faults.duckdb"
    database.unlink(missing_ok=True)
    environment = os.environ | {
        "UNIFIED_PIPELINE_DB": str(database),
        "DBT_TARGET_PATH": str(WORK / "target"),
        "DBT_LOG_PATH": str(WORK / "target"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    demo = ["reverse-funnel", "demo", "--crm", "both", "--seed", str(seed), "--dirty", str(DIRTY)]
    crms = json.dumps({"crm_sources": ["salesforce", "hubspot"]})
    for command in (
        [*demo, "--opportunities", str(opportunities)],
        ["dbt", "--quiet", "seed", "--full-refresh", "--vars", crms],
        ["dbt", "--quiet", "run", "--select", "+path:models/marts/quality", "--vars", crms],
    ):
        subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return database, WORK / "truth.json"


def report(
    results: Mapping[str, Sequence[Found]], balance: Sequence[Sequence[object]], opportunities: int
) -> Iterable[str]:
    """Yield the lines of the page."""
    yield "# Validation of quarantine and reconciliation"
    yield ""
    yield "Written by `make validate-faults`; do not edit."
    yield ""
    yield (
        f"A simulated company of {opportunities:,} opportunities, as Salesforce and as HubSpot. Of "
        f"each kind of record {DIRTY:.0%} carry one planted fault, divided among the faults; of a "
        "fault at most twenty records are looked for by their ids. A fault is found if its record "
        "is in `data_quality_findings` under the rule that is for it, and what the rule does with "
        "it is told by the column it is counted in. [What each rule means](data_quality.md)."
    )
    for crm, found in results.items():
        yield ""
        yield f"## {TITLES[crm]}"
        yield ""
        yield f"| fault | rule | planted | found | {' | '.join(HANDLINGS)} | missed |"
        yield f"|---|---|{'---:|' * (len(HANDLINGS) + 3)}"
        for one in found:
            handled = " | ".join(
                str(one.found) if one.handling == handling else "" for handling in HANDLINGS
            )
            yield (
                f"| {one.fault} | `{one.rule}` | {one.planted} | {one.found} | {handled} "
                f"| {one.missed} |"
            )
        totals = [sum(o.found for o in found if o.handling == handling) for handling in HANDLINGS]
        yield (
            f"| all {len(found)} | | {sum(one.planted for one in found)} "
            f"| {sum(one.found for one in found)} | {' | '.join(map(str, totals))} "
            f"| {sum(one.missed for one in found)} |"
        )
    yield ""
    yield "Not in HubSpot:"
    yield ""
    for fault, reason in hubspot_faults.NOT_HERE.items():
        yield f"* {fault}: {reason}."
    yield ""
    yield "## Every row is accounted for"
    yield ""
    yield "| CRM | table | in | published | quarantined | superseded | out of scope | missing |"
    yield f"|---|---|{'---:|' * 6}"
    for row in balance:
        yield (
            f"| {TITLES[str(row[0])]} | {row[1]} | "
            + " | ".join(f"{count:,}" for count in row[2:])
            + " |"
        )


def main() -> None:
    """Build the company, write the page, and fail where a fault was missed or a row is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--opportunities", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=21)
    asked = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    database, truth = build(asked.opportunities, asked.seed)
    planted = json.loads(truth.read_text(encoding="utf-8"))["planted_faults_by_crm"]
    with duckdb.connect(str(database), read_only=True) as connection:
        results = {crm: find(connection, crm, faults) for crm, faults in planted.items()}
        balance = connection.execute(BALANCE).fetchall()
    REPORT.write_text("\n".join(report(results, balance, asked.opportunities)) + "\n")
    print(f"written to {REPORT.relative_to(ROOT)}")
    missed = [
        f"{crm}: {one.fault}" for crm, found in results.items() for one in found if one.missed
    ]
    missing = [f"{row[0]}: {row[1]}" for row in balance if row[-1]]
    if missed or missing:
        sys.exit(f"missed: {', '.join(missed)}; rows missing: {', '.join(missing)}")


if __name__ == "__main__":
    main()
