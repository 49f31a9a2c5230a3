"""Time the whole build at several sizes and write docs/performance.md.

Each size gets a database of its own in build/bench: simulated once, then built from nothing by
`dbt build` in a process of its own, whose wall time, CPU time and peak memory the operating
system reports. dbt's own record tells how much of the time was spent in the warehouse.

Usage: make bench, or python bench/build_bench.py --sizes 20000 100000
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench"
SIZES = (20_000, 100_000, 1_000_000)
SLOWEST_SHOWN = 10
# What measures: the models of these folders, beside a curve written by hand on the same tables.
ESTIMATE_FOLDERS = ("estimates", "maturation", "seasonality", "velocity", "amounts", "conversion")
HAND_WRITTEN = Path(__file__).with_name("hand_written_curve.sql")
# What a daily run makes anew by key; everything else is made from these, whole.
INCREMENTAL = ("crm_leads", "crm_opportunities", "int_opportunities__versioned")
ONE_DAY = Path(__file__).with_name("one_day.sql")


@dataclass(frozen=True)
class Run:
    """One command as the operating system saw it: seconds and mebibytes."""

    wall: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True)
class Measurement:
    """The build at one size; `slowest` are (model, seconds)."""

    opportunities: int
    history_rows: int
    demo: Run
    build: Run
    daily: Run
    models_seconds: float
    daily_models_seconds: float
    incremental_seconds: float
    daily_incremental_seconds: float
    tests_seconds: float
    slowest: list[tuple[str, float]]
    estimates_seconds: float
    hand_written_seconds: float

    @property
    def dbt_seconds(self) -> float:
        """Wall time that was not spent in the warehouse."""
        return self.build.wall - self.models_seconds - self.tests_seconds


def run(command: list[str], folder: Path) -> Run:
    """Run a command against the database in `folder`; stops the benchmark if it fails."""
    environment = os.environ | {
        "UNIFIED_PIPELINE_DB": str(folder / "warehouse.duckdb"),
        "DBT_PROFILES_DIR": str(folder),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    started = time.monotonic()
    with (folder / "output.txt").open("w") as output:
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)} failed:\n{(folder / 'output.txt').read_text()[-3000:]}")
    return Run(time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak_mb(usage))


def peak_mb(usage: resource.struct_rusage) -> float:
    """Peak resident memory; macOS counts bytes, everything else kibibytes."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measure(opportunities: int) -> Measurement:
    """Simulate and build one size from nothing."""
    folder = WORK / str(opportunities)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "profiles.yml.example", folder / "profiles.yml")
    programs = Path(sys.executable).parent
    command = [str(programs / "reverse-funnel"), "demo", "--opportunities", str(opportunities)]
    demo = run([*command, "--profiles-dir", str(folder)], folder)
    build = run([str(programs / "dbt"), "build"], folder)
    models, tests_seconds = times_of_last_run(folder)
    history = count_history(folder)
    by_hand = time_by_hand(folder)
    estimates = estimate_models(folder)
    let_a_day_pass(folder)
    daily = run([str(programs / "dbt"), "build"], folder)
    daily_models, _ = times_of_last_run(folder)
    shutil.rmtree(folder)
    return Measurement(
        opportunities=opportunities,
        history_rows=history,
        demo=demo,
        build=build,
        daily=daily,
        models_seconds=sum(models.values()),
        daily_models_seconds=sum(daily_models.values()),
        incremental_seconds=sum(models[name] for name in INCREMENTAL),
        daily_incremental_seconds=sum(daily_models[name] for name in INCREMENTAL),
        tests_seconds=tests_seconds,
        slowest=sorted(models.items(), key=lambda item: -item[1])[:SLOWEST_SHOWN],
        estimates_seconds=sum(models[name] for name in estimates),
        hand_written_seconds=by_hand,
    )


def times_of_last_run(folder: Path) -> tuple[dict[str, float], float]:
    """Seconds of each model and seed by name, and of all tests together."""
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    times = {result["unique_id"]: float(result["execution_time"]) for result in results}
    models = {
        name.split(".")[-1]: seconds
        for name, seconds in times.items()
        if name.startswith(("model.", "seed."))
    }
    return models, sum(times.values()) - sum(models.values())


def let_a_day_pass(folder: Path) -> None:
    """Change one opportunity, and one lead, in a thousand."""
    import duckdb  # noqa: PLC0415

    database = str(folder / "warehouse.duckdb")
    with duckdb.connect(database, config={"storage_compatibility_version": "v1.4.0"}) as connection:
        connection.execute(ONE_DAY.read_text())


def estimate_models(folder: Path) -> set[str]:
    """Names of the models that estimate something."""
    manifest = json.loads((folder / "target" / "manifest.json").read_text())
    return {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][-2] in ESTIMATE_FOLDERS
    }


def time_by_hand(folder: Path) -> float:
    """Seconds of one curve a segment, written by hand, on one thread as the build; best of 3."""
    import duckdb  # noqa: PLC0415

    seconds = []
    with duckdb.connect(str(folder / "warehouse.duckdb"), config={"threads": 1}) as connection:
        for _ in range(3):
            started = time.monotonic()
            connection.execute(HAND_WRITTEN.read_text()).fetchall()
            seconds.append(time.monotonic() - started)
    return min(seconds)


def count_history(folder: Path) -> int:
    """Rows of opportunity history that were built from."""
    import duckdb  # noqa: PLC0415  (only once the child has let go of the file)

    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        found = connection.execute("select count(*) from salesforce.opportunity_history").fetchone()
    return int(found[0]) if found else 0


def report(measurements: list[Measurement]) -> str:
    """Render docs/performance.md."""
    lines = [
        "# Performance",
        "",
        "Written by `make bench`. One run a size on a shared machine: read ratios, not seconds.",
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}.",
        "",
        "| opportunities | history rows | demo s | demo peak MB | build wall s | build CPU s "
        "| models s | tests s | dbt's own s | dbt's share | build peak MB |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {m.opportunities:,} | {m.history_rows:,} | {m.demo.wall:.1f} | {m.demo.peak_mb:,.0f} "
        f"| {m.build.wall:.1f} | {m.build.cpu:.1f} | {m.models_seconds:.1f} "
        f"| {m.tests_seconds:.1f} | {m.dbt_seconds:.1f} | {m.dbt_seconds / m.build.wall:.0%} "
        f"| {m.build.peak_mb:,.0f} |"
        for m in measurements
    ]
    for small, large in itertools.pairwise(measurements):
        exponent = math.log(large.models_seconds / small.models_seconds) / math.log(
            large.opportunities / small.opportunities
        )
        lines += [
            "",
            f"From {small.opportunities:,} to {large.opportunities:,} opportunities the models' "
            f"time grows with exponent {exponent:.2f} (1 is linear).",
        ]
    lines += [
        "",
        "A day later one opportunity and one lead in a thousand have changed, and `dbt build` runs "
        f"again. Made anew by key are {', '.join(INCREMENTAL)}; the rest is made whole from them.",
        "",
        "| opportunities | by key: from nothing s | daily s | share | all models: from nothing s "
        "| daily s | share | daily build wall s | peak MB |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {m.opportunities:,} | {m.incremental_seconds:.1f} | {m.daily_incremental_seconds:.1f} "
        f"| {m.daily_incremental_seconds / m.incremental_seconds:.0%} | {m.models_seconds:.1f} "
        f"| {m.daily_models_seconds:.1f} | {m.daily_models_seconds / m.models_seconds:.0%} "
        f"| {m.daily.wall:.1f} | {m.daily.peak_mb:,.0f} |"
        for m in measurements
    ]
    lines += [
        "",
        "All estimates (curves of every transition, level and window, shrinkage, maturation, "
        "seasonality, velocity, amounts) beside one win curve a segment, written by hand "
        "(bench/hand_written_curve.sql) on the finished table of opportunities:",
        "",
        "| opportunities | all estimates s | one curve by hand s | ratio |",
        "|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {m.opportunities:,} | {m.estimates_seconds:.2f} | {m.hand_written_seconds:.2f} "
        f"| {m.estimates_seconds / m.hand_written_seconds:.0f} |"
        for m in measurements
    ]
    largest = measurements[-1]
    lines += ["", f"Slowest models at {largest.opportunities:,} opportunities:", ""]
    lines += ["| model | seconds |", "|---|---:|"]
    lines += [f"| {name} | {seconds:.1f} |" for name, seconds in largest.slowest]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure every size and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    sizes: list[int] = parser.parse_args().sizes
    measurements = []
    for size in sorted(sizes):
        print(f"{size:,} opportunities ...", flush=True)
        measurements.append(measure(size))
        print(f"  built in {measurements[-1].build.wall:.1f} s", flush=True)
    (ROOT / "docs" / "performance.md").write_text(report(measurements))
    print("docs/performance.md is written")


if __name__ == "__main__":
    main()
