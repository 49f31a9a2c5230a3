"""From a configuration to a demo database and its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from reverse_funnel.demo.config import BLOCK, DemoConfig, DemoSummary
from reverse_funnel.demo.faults import plant
from reverse_funnel.demo.hubspot import HubspotWriter
from reverse_funnel.demo.salesforce import SalesforceWriter
from reverse_funnel.demo.simulation import build_setting, simulate, stream
from reverse_funnel.demo.totals import Totals
from reverse_funnel.demo.truth import describe, partial_path, write_truth
from reverse_funnel.demo.writer import CrmWriter

Progress = Callable[[str, float], None]
_STREAM_LOADING, _STREAM_FAULTS = 10, 11
_MEMORY = "500MB"
WRITERS: Mapping[str, type[CrmWriter]] = {
    writer.crm: writer for writer in (SalesforceWriter, HubspotWriter)
}


def build_demo(
    connection: duckdb.DuckDBPyConnection,
    config: DemoConfig,
    *,
    schema: str | Mapping[str, str] | None = None,
    truth_path: Path | None,
    progress: Progress | None = None,
) -> DemoSummary:
    """Simulate the company and write its CRM into ``schema``, its truth to ``truth_path``.

    ``schema`` is a name, or one for each CRM; by default the CRM's own. The tables are built under
    temporary names and take the place of older ones in a single transaction at the end, one for
    each CRM: a run that is stopped leaves the old demo as it was. ``progress`` is called with what
    is being done and the share done, from 0 to 1. Every CRM gets the same random numbers, load
    times included, so that two hold the same company to the second.
    """
    report = progress if progress is not None else _silent
    setting = build_setting(config)
    totals = Totals(config)
    named = dict.fromkeys(config.crms, schema) if isinstance(schema, str) else schema or {}
    schemas = {crm: named.get(crm, crm) for crm in config.crms}
    writers = [
        WRITERS[crm](connection, setting, schemas[crm], stream(config, _STREAM_LOADING))
        for crm in config.crms
    ]
    blocks = -(-config.opportunities // BLOCK)
    with _modest_memory(connection):
        try:
            report("Hiring the sales team", 0.0)
            for writer in writers:
                writer.prepare()
                writer.write_setting()
            for number, block in enumerate(simulate(setting)):
                report("Simulating deals and leads", min(0.02 + 0.9 * number / (blocks + 1), 0.92))
                totals.add(block)
                for writer in writers:
                    writer.write_block(block)
            for writer in writers:
                writer.touch_latest()
            report("Planting faults" if config.dirty else "Checking out", 0.93)
            planted = {
                writer.crm: plant(
                    connection,
                    writer.target,
                    writer.rows,
                    config.dirty,
                    stream(config, _STREAM_FAULTS),
                    kinds=writer.kinds,
                    faults=writer.faults,
                )
                for writer in writers
            }
            faults = planted[writers[0].crm]
            report("Writing down the truth", 0.96)
            truth = describe(config, setting.company, totals, planted)
            if truth_path is not None:
                write_truth(partial_path(truth_path), truth)
            report("Putting the tables in place", 0.98)
            for writer in writers:
                writer.publish()
        except BaseException:
            for writer in writers:
                writer.discard()
            if truth_path is not None:
                partial_path(truth_path).unlink(missing_ok=True)
            raise
    if truth_path is not None:
        partial_path(truth_path).replace(truth_path)
    report("Done", 1.0)
    return DemoSummary(
        schema=" and ".join(schemas.values()),
        as_of=config.as_of,
        rows={name: rows for writer in writers for name, rows in writer.rows.items()},
        outcomes=totals.outcomes(),
        planted_faults={name: int(fault["rows"]) for name, fault in faults.items()},
    )


@contextmanager
def _modest_memory(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep the database from caching what is only being written, if it is in a file."""
    row = connection.execute(
        "select current_setting('memory_limit'), path from duckdb_databases() "
        "where database_name = current_database()"
    ).fetchone()
    if row is None or not row[1]:
        yield
        return
    connection.execute(f"set memory_limit = '{_MEMORY}'")
    try:
        yield
    finally:
        # The setting is shown cut to one decimal: half a digit more is shown the same.
        value, unit = str(row[0]).split()
        connection.execute(f"set memory_limit = '{float(value) + 0.05:.2f} {unit}'")


def _silent(_what: str, _share: float) -> None:
    """Report to nobody."""
