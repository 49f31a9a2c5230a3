"""Great Expectations: judges what was measured, and writes its Data Docs.

Its DuckDB dialect does not work (great_expectations #11579), and ten million rows do not belong in
pandas. So each raw table is a data frame of one row: its columns with the family of their type, and
beside them what the database counted. Imported only when the gate runs: it takes seconds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from reverse_funnel.errors import ReverseFunnelError
from reverse_funnel.validate.expect import Expected
from reverse_funnel.validate.pages import detach_from_the_network


def judge(
    expected: Iterable[Expected],
    frames: dict[str, dict[str, Any]],
    output: Path,
    say: Callable[[str], None],
) -> list[Expected]:
    """Hold what was found against what is expected.

    Parameters
    ----------
    expected
        The expectations of all pages.
    frames
        Page → column → its one value.
    output
        Folder the Data Docs are written to; what an earlier run left there is replaced.
    say
        Told what is being done.

    Returns
    -------
    The expectations that failed.

    """
    gx = load_great_expectations()
    import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415

    context = _context(gx, output)
    by_id = {one.id: one for one in expected}
    pages: dict[str, list[Expected]] = {}
    for one in by_id.values():
        pages.setdefault(one.page, []).append(one)
    failed = []
    source = context.data_sources.add_pandas("raw")
    for page, asked in pages.items():
        say(f"judging {page}")
        asset = source.add_dataframe_asset(page)
        batch = asset.add_batch_definition_whole_dataframe("now")
        suite = context.suites.add(
            gx.ExpectationSuite(name=page, expectations=[_expectation(gx, one) for one in asked])
        )
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=page, data=batch, suite=suite)
        )
        frame = pd.DataFrame({name: [value] for name, value in frames[page].items()})
        outcome = definition.run(batch_parameters={"dataframe": frame})
        failed += [
            by_id[result.expectation_config.meta["id"]]
            for result in outcome.results
            if not result.success
        ]
    say("writing the report")
    context.build_data_docs()
    detach_from_the_network(output)
    return failed


def load_great_expectations() -> Any:
    """Import Great Expectations, which sends nothing: its analytics are off before it is read.

    Raises `ReverseFunnelError` where the extra is not installed.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    try:
        import great_expectations  # noqa: PLC0415
    except ImportError as error:
        raise ReverseFunnelError(
            "reverse-funnel validate needs Great Expectations",
            remedy="install the extra: reverse-funnel[gate]",
        ) from error
    return great_expectations


def _context(gx: Any, output: Path) -> Any:
    """Return a context that keeps nothing but the Data Docs, shows no bars and sends nothing."""
    from great_expectations.data_context.types import base  # noqa: PLC0415

    for left in ("index.html", "expectations", "validations", "static"):
        path = output / left
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(output.resolve()),
        },
    }
    config = base.DataContextConfig(
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={"validation": site},
        analytics_enabled=False,
        progress_bars=base.ProgressBarsConfig(globally=False),
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _expectation(gx: Any, one: Expected) -> Any:
    kinds = gx.expectations
    shared = {
        "meta": {"id": one.id},
        "description": _told(one),
        "severity": "critical" if one.severity == "stop" else "warning",
    }
    if one.form == "exists":
        return kinds.ExpectColumnToExist(column=one.column or one.table, **shared)
    if one.form == "type":
        return kinds.ExpectColumnValuesToBeInSet(
            column=one.column, value_set=list(one.families), **shared
        )
    return kinds.ExpectColumnValuesToBeBetween(
        column=measured_name(one), min_value=0, max_value=one.limit, **shared
    )


def measured_name(one: Expected) -> str:
    """Return what a measure is called on its page."""
    unit = {"share": ", share of rows", "hours": ", hours"}.get(one.check.unit, "")
    return f"{one.column or one.table}: {one.says}{unit}"


def _told(one: Expected) -> str:
    """Return what stands on the page: what is expected, what was found, what to do otherwise."""
    where = f"{one.table}.{one.column}" if one.column else one.table
    if one.measure is None:
        return f"{one.severity} if {where}: {one.says}. To do then: {one.remedy}."
    unit = {"share": " of rows", "hours": " hours"}.get(one.check.unit, "")
    counted = "" if one.measure.count is None else f"{one.measure.count:,} rows"
    considered = one.measure.considered
    of = "" if considered is None else f" against {considered:,}"
    values = ", ".join(one.measure.samples)
    found = f"{counted}{of}{': ' if counted and values else ''}{values}"
    return (
        f"{one.severity} if {where}: {one.says}, beyond {one.limit:g}{unit}. "
        f"Found: {found or 'none'}. To do then: {one.remedy}."
    )
