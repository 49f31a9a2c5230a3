"""Time the snapshots, the waterfall, week-3 conversion and coverage alone, beside brute force.

Each size gets a database of its own in build/bench: simulated and built up to what these models
read, then the models by themselves in one process, whose wall time and peak memory the operating
system reports. Brute force is bench/brute_force_snapshots.sql, opportunity by opportunity and day
by day, in a process of its own too; its rows must be those of int_snapshots__pipeline.

Usage: python bench/snapshots_bench.py --sizes 100000 1000000 --brute-force-up-to 100000
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from build_bench import ROOT, WORK, Run, run

OURS = [
    "path:models/intermediate/snapshots",
    "path:models/intermediate/coverage",
    "path:models/marts/coverage",
]
BRUTE_FORCE = Path(__file__).with_name("brute_force_snapshots.sql")
COLUMNS = (
    "snapshot_day, cell_key, close_quarter_start, stage_number, open_count_raw, open_amount_raw, "
    "open_count_real, open_amount_real"
)
BY_HAND = """
import sys
from pathlib import Path
import duckdb
with duckdb.connect(sys.argv[1], config={"threads": 2}) as connection:
    sql = Path(sys.argv[2]).read_text()
    connection.execute(f"create or replace table main.brute_force as {sql}")
"""


def build(opportunities: int) -> tuple[Path, Run, dict[str, float]]:
    """Simulate and build one size; the folder, our models' run, and each one's seconds."""
    folder = WORK / f"snapshots_{opportunities}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "profiles.yml.example", folder / "profiles.yml")
    programs = Path(sys.executable).parent
    demo = [str(programs / "reverse-funnel"), "demo", "--opportunities", str(opportunities)]
    run([*demo, "--profiles-dir", str(folder)], folder)
    dbt = str(programs / "dbt")
    run([dbt, "seed"], folder)
    run([dbt, "run", "--select", *(f"+{path}" for path in OURS), "--exclude", *OURS], folder)
    ours = run([dbt, "run", "--select", *OURS], folder)
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    seconds = {r["unique_id"].split(".")[-1]: r["execution_time"] for r in results}
    return folder, ours, seconds


def brute_force(folder: Path) -> Run:
    """Run the brute force; stops the benchmark if its rows are not ours."""
    import duckdb  # noqa: PLC0415

    database = folder / "warehouse.duckdb"
    taken = run([sys.executable, "-c", BY_HAND, str(database), str(BRUTE_FORCE)], folder)
    with duckdb.connect(str(database)) as connection:
        ours = (
            f"select {COLUMNS} from intermediate.int_snapshots__pipeline where open_count_raw > 0"
        )
        theirs = f"select {COLUMNS} from main.brute_force"
        for left, right in ((ours, theirs), (theirs, ours)):
            if connection.execute(f"({left}) except all ({right}) limit 1").fetchall():
                sys.exit("brute force and int_snapshots__pipeline differ")
    return taken


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--brute-force-up-to", type=int, default=100_000)
    arguments = parser.parse_args()
    for size in sorted(arguments.sizes):
        folder, ours, seconds = build(size)
        print(
            f"{size:,} opportunities: {ours.wall:.1f} s with dbt's own, "
            f"{sum(seconds.values()):.1f} s in the models, peak {ours.peak_mb:,.0f} MB"
        )
        for name, taken in sorted(seconds.items(), key=lambda item: -item[1]):
            print(f"    {name:<32} {taken:6.2f} s")
        if size <= arguments.brute_force_up_to:
            by_hand = brute_force(folder)
            print(f"    brute force: {by_hand.wall:.1f} s, peak {by_hand.peak_mb:,.0f} MB")
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
